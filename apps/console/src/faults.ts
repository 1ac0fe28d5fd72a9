import type { ProblemCode } from '@holdfast/contracts';

/** Names and codes that the two stores' clients put on errors when the store cannot be reached or does not answer. */
const gateNames = new Set([
  'MaxRetriesPerRequestError',
  'ReplyError',
  'AbortError',
  'ClusterAllFailedError',
  'GateUnavailable',
]);
const lostConnection = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EHOSTUNREACH',
]);
/** Connection exceptions, operator intervention, insufficient resources, and queries that ran out of time. */
const ledgerStates = /^(08|53|57|25P0[34])/;
const ledgerMessages =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error/i;
const gateMessages =
  /connection is closed|stream isn't writeable|the gates? |the gate's |redis did not answer/i;

/** What the caller is told of a fault: which store is away, or that the fault is ours. */
export function faultCode(error: unknown): ProblemCode {
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    const code = (fault as { code?: unknown }).code;
    if (gateNames.has(fault.name)) return 'gate_unavailable';
    if (typeof code === 'string' && ledgerStates.test(code)) return 'ledger_unavailable';
    if (ledgerMessages.test(fault.message)) return 'ledger_unavailable';
    if (typeof code === 'string' && lostConnection.has(code)) return 'ledger_unavailable';
    if (gateMessages.test(fault.message)) return 'gate_unavailable';
  }
  return 'internal_error';
}
