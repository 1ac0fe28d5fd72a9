import {
  type Line,
  type Refusal,
  type RefusalCode,
  type ReserveEntry,
  type ReserveRequest,
  refuse,
  type Ticket,
} from '@holdfast/core';
import { headOf, packLines } from './entry-format.ts';
import { fingerprintOf, newTicketId } from './ids.ts';
import type { SaleKeys } from './keys.ts';
import type { KnownSale } from './sale-reader.ts';

/** One request as the admission script takes it, with the terms it was prepared with. */
export interface Prepared {
  kind: ReserveEntry['kind'];
  sale: KnownSale;
  ticketId: string;
  lines: Line[];
  /** What the script takes of it before its lines. */
  args: (string | number)[];
}

export type Admission =
  | { kind: 'admitted'; seq: number; ahead: number; tip: string; now: number }
  | { kind: 'again'; ticketId: string }
  | { kind: 'stale' }
  | Refusal;

/** The lines asked for, with the prices of today's terms; or why they cannot be asked for. */
export function pricedLines(request: ReserveRequest, sale: KnownSale): Line[] | Refusal {
  if (request.lines === null) {
    const [only, ...others] = sale.prices;
    if (only === undefined || others.length > 0) return refuse('invalid_body');
    return [{ sku: only[0], quantity: 1, unitPriceMinor: only[1] }];
  }
  const lines: Line[] = [];
  for (const { sku, quantity } of request.lines) {
    const unitPriceMinor = sale.prices.get(sku);
    if (unitPriceMinor === undefined) return refuse('unknown_item');
    lines.push({ sku, quantity, unitPriceMinor });
  }
  return lines;
}

/** The ticket id is made here, before the gate is asked: a call that is sent again is answered, not counted twice. */
export function prepare(
  request: ReserveRequest,
  sale: KnownSale,
  lines: Line[],
  kind: ReserveEntry['kind'],
  ticketId?: string,
): Prepared {
  const id = ticketId ?? newTicketId(sale.shard, request.saleId);
  const key = request.idempotencyKey ?? '';
  const fingerprint = key === '' ? '' : fingerprintOf(lines);
  const packed = packLines(lines);
  const head = headOf(kind, id, packed, fingerprint);
  return {
    kind,
    sale,
    ticketId: id,
    lines,
    args: [request.buyerId, key, fingerprint, head, packed, lines.length],
  };
}

/** Keys and arguments of the admission script, or of the lobby's, for requests that were prepared with the same terms. */
export function admitCall(
  keys: SaleKeys,
  sale: KnownSale,
  intakeLimit: number,
  batch: readonly Prepared[],
): { names: string[]; args: (string | number)[] } {
  const names = [keys.boot, keys.sale, keys.intake, keys.buyers];
  const items = new Map<string, number>();
  for (const { lines } of batch)
    for (const { sku } of lines) if (!items.has(sku)) items.set(sku, items.size + 1);
  const args: (string | number)[] = [sale.epoch, sale.terms, intakeLimit, batch.length, items.size];
  for (const sku of items.keys()) args.push(sku);
  for (const one of batch) {
    names.push(keys.ticket(one.ticketId));
    for (const arg of one.args) args.push(arg);
    for (const { sku, quantity } of one.lines) args.push(items.get(sku) as number, quantity);
  }
  return { names, args };
}

/** The script's answer, one admission per request that was sent. */
export function readAdmissions(reply: string, sent: number): { journal: number; admissions: Admission[] } {
  const fields = reply.split('\n');
  if (fields.length === 1) {
    const all = wholeBatch(reply);
    return { journal: 0, admissions: Array.from({ length: sent }, () => all) };
  }
  const now = Number(fields[0]);
  const decided = Number(fields[2]);
  const admissions: Admission[] = [];
  for (let index = 3; index < fields.length; index += 4) {
    const [word = '', a = '', place = '', tip = ''] = fields.slice(index, index + 4);
    if (word === 'admitted') {
      const ahead = Math.max(0, Number(place) - 1 - decided);
      admissions.push({ kind: 'admitted', seq: Number(a), ahead, tip, now });
    } else admissions.push(notAdmitted(word, a));
  }
  return { journal: Number(fields[1]), admissions };
}

function wholeBatch(word: string): Admission {
  if (word === 'stale') return { kind: 'stale' };
  if (word === 'unknown_sale') return refuse('unknown_sale');
  return refuse('gate_unavailable', { retryAfterSeconds: 1 });
}

function notAdmitted(word: string, detail: string): Admission {
  switch (word) {
    case 'again':
      return { kind: 'again', ticketId: detail };
    case 'mismatch':
      return refuse('idempotency_mismatch');
    case 'sold_out':
      return refuse('sold_out', { sku: detail });
    case 'not_open':
      return refuse('not_open', { opensAt: detail === '' ? undefined : Number(detail) });
    case 'ledger_unavailable':
      return refuse('ledger_unavailable', { retryAfterSeconds: 2 });
    default:
      return refuse(word as RefusalCode);
  }
}

/** The ticket as the buyer gets it at once; the gate holds the same. */
export function ticketOfAdmission(
  request: ReserveRequest,
  prepared: Prepared,
  admission: Extract<Admission, { kind: 'admitted' }>,
): Ticket {
  return {
    id: prepared.ticketId,
    saleId: request.saleId,
    status: prepared.kind === 'join' ? 'lobby' : 'queued',
    version: 1,
    seq: admission.seq,
    ahead: admission.ahead,
    buyerId: request.buyerId,
    lines: prepared.lines,
    currency: prepared.sale.view.currency,
    reservedAt: admission.now,
    expiresAt: null,
    extensions: null,
    reason: null,
    receipt: `${prepared.sale.epoch}.${admission.seq}.${admission.tip}`,
    outcomes: {},
  };
}
