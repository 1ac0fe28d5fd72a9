import { hash } from 'node:crypto';
import { type IntakeEntry, isReserve, type Line, type PackedLine } from '@holdfast/core';

/**
 * How an entry stands in the intake: eleven fields, one a line. The gate appends the last three, so that a script never
 * takes an entry apart: version, kind, id (empty when it is the ticket's), ticket, buyer, lines or details, idempotency key, fingerprint or reason,
 * had units, gate time, reservations in line so far. None of them may hold a line break.
 */
const version = '1';

/** The part that is known before the gate is asked. */
export function headOf(
  kind: IntakeEntry['kind'],
  id: string,
  ticketId: string,
  buyerId: string,
  detail: string,
  idempotencyKey: string,
  fingerprint: string,
): string {
  return `${version}\n${kind}\n${id === ticketId ? '' : id}\n${ticketId}\n${buyerId}\n${detail}\n${idempotencyKey}\n${fingerprint}`;
}

/** The chain: what the gate's scripts compute with `redis.sha1hex`. */
export function tipAfter(previousTip: string, packed: string): string {
  return hash('sha1', `${previousTip}\n${packed}`);
}

export function packLines(lines: readonly Line[]): string {
  return JSON.stringify(lines.map((line): PackedLine => [line.sku, line.quantity, line.unitPriceMinor]));
}

export function unpackLines(packed: string): Line[] {
  return (JSON.parse(packed) as PackedLine[]).map(([sku, quantity, unitPriceMinor]) => ({
    sku,
    quantity,
    unitPriceMinor,
  }));
}

/** Details of a command that a decision needs. */
export interface CommandDetail {
  paymentRef?: string;
  seconds?: number;
}

/** Null for an entry that is not in a form this program knows: poison, for which the line must not stand still. */
export function parseEntry(seq: number, packed: string, tip: string): IntakeEntry | null {
  const fields = packed.split('\n');
  const [format, kind, id, ticketId, buyerId, detail, key, mark, had, at] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (format !== version || fields.length !== 11) return null;
  const base = { seq, id: id === '' ? ticketId : id, ticketId, admitted: had === '1', at: Number(at), tip };
  try {
    switch (kind) {
      case 'reserve':
      case 'withdraw':
      case 'join':
        return {
          ...base,
          kind,
          buyerId,
          lines: unpackLines(detail),
          idempotencyKey: key === '' ? null : key,
          fingerprint: mark === '' ? null : mark,
        };
      case 'place':
        return {
          ...base,
          kind,
          buyerId,
          lines: unpackLines(detail),
          number: Number(id.slice('draw.'.length)),
        };
      case 'confirm':
      case 'cancel':
      case 'extend':
      case 'grant':
      case 'deny':
      case 'return':
      case 'refunded': {
        const { paymentRef, seconds } = (detail === '' ? {} : JSON.parse(detail)) as CommandDetail;
        return {
          ...base,
          kind,
          paymentRef: paymentRef ?? null,
          seconds: seconds ?? null,
          reason: mark === '' ? null : mark,
        };
      }
      default:
        return null;
    }
  } catch {
    return null;
  }
}

/** The head of an entry that is carried over to a new epoch: as it was. */
export function headAgain(entry: IntakeEntry): string {
  if (isReserve(entry))
    return headOf(
      entry.kind,
      entry.id,
      entry.ticketId,
      entry.buyerId,
      packLines(entry.lines),
      entry.idempotencyKey ?? '',
      entry.fingerprint ?? '',
    );
  if (entry.kind === 'place')
    return headOf(entry.kind, entry.id, entry.ticketId, entry.buyerId, packLines(entry.lines), '', '');
  return headOf(
    entry.kind,
    entry.id,
    entry.ticketId,
    '',
    detailOf(entry.paymentRef, entry.seconds),
    '',
    entry.reason ?? '',
  );
}

export function detailOf(paymentRef: string | null, seconds: number | null): string {
  if (paymentRef === null && seconds === null) return '';
  const detail: CommandDetail = {};
  if (paymentRef !== null) detail.paymentRef = paymentRef;
  if (seconds !== null) detail.seconds = seconds;
  return JSON.stringify(detail);
}
