import {
  type Answer,
  type BodySchema,
  problem,
  readIdempotencyKey,
  refusalProblem,
  ticketJson,
} from '@holdfast/contracts';
import {
  type CommandRequest,
  type EdgeGate,
  type Outcome,
  parseTicketId,
  refuse,
  type Ticket,
} from '@holdfast/core';
import { type Handle, headerOf, json } from '../call.ts';
import { readBody } from '../read-body.ts';
import type { TicketWatches } from '../ticket-watch.ts';
import { idempotencyIssue } from './reserve.ts';

/** How long a command waits for the ledger before it is answered with 202, milliseconds. */
export const ledgerPatienceMs = 5_000;

/** What a body asks for; absent fields are null in the command. */
interface Asked {
  paymentRef?: string | undefined;
  seconds?: number | undefined;
}

/** Takes a command to its outcome. */
export type CarryOut = (request: CommandRequest, requestId: string) => Promise<Answer>;

/** `POST /v1/tickets/{ticketId}/{confirm,cancel,extend}` */
export function command(kind: CommandRequest['kind'], schema: BodySchema<Asked>, carryOut: CarryOut): Handle {
  return async (c, requestId) => {
    const key = readIdempotencyKey(headerOf(c, 'idempotency-key'));
    const read = await readBody(c, requestId, schema, {
      optional: true,
      ...(key.kind === 'invalid' && { issues: [idempotencyIssue] }),
    });
    if (read.kind === 'answer') return read.answer;
    const ticketId = c.req.param('ticketId') ?? '';
    if (parseTicketId(ticketId) === null) return problem('unknown_ticket', requestId);

    const request: CommandRequest = {
      ticketId,
      kind,
      idempotencyKey: key.kind === 'key' ? key.key : null,
      paymentRef: read.body.paymentRef ?? null,
      seconds: read.body.seconds ?? null,
    };
    return carryOut(request, requestId);
  };
}

/** Registers, sends, then waits for the command's outcome to stand in the ticket. */
export function throughTheLedger(gate: EdgeGate, watches: TicketWatches): CarryOut {
  return async (request, requestId) => {
    const deadline = performance.now() + ledgerPatienceMs;
    const watch = watches.watch(request.ticketId, 'steady');
    try {
      const answer = await gate.command(request);
      if (answer.kind === 'refused') return refusalProblem(answer, requestId);
      const isDone = (ticket: Ticket) => isSettled(request, ticket, ticket.outcomes[answer.commandId]);
      const known = answer.kind === 'decided' ? answer.ticket : null;
      if (answer.kind === 'decided' && isSettled(request, answer.ticket, answer.outcome))
        return outcomeAnswer(answer.ticket, answer.outcome, requestId);
      const ticket = (await watches.until(watch, isDone, deadline - performance.now())) ?? known;
      if (ticket === null) return problem('gate_unavailable', requestId);
      return isDone(ticket)
        ? outcomeAnswer(ticket, ticket.outcomes[answer.commandId] as Outcome, requestId)
        : json(202, ticketJson(ticket), { Location: `/v1/tickets/${ticket.id}` });
    } finally {
      watch.end();
    }
  };
}

/** A payment after expiry is taken at once and shows as `expired` until the gate has given or denied the units again. */
function isSettled(request: CommandRequest, ticket: Ticket, outcome: Outcome | undefined): boolean {
  if (outcome === undefined) return false;
  return !(request.kind === 'confirm' && outcome === 'ok' && ticket.status === 'expired');
}

function outcomeAnswer(ticket: Ticket, outcome: Outcome, requestId: string): Answer {
  return outcome === 'ok' ? json(200, ticketJson(ticket)) : refusalProblem(refuse(outcome), requestId);
}
