import type { Outcome, RefusalCode, Ticket, TicketStatus } from '@holdfast/core';
import { readOrder } from './entry-format.ts';
import { hashFields, numberOf } from './terms.ts';

/** A ticket's hash as the buyer sees it; null when there is no such ticket. `decided` is how many reservations are decided. */
export function ticketOf(
  id: string,
  saleId: string,
  currency: string,
  decided: number,
  text: string,
): Ticket | null {
  if (text === '') return null;
  const fields = hashFields(text.split('\n'));
  // A late payment is between expiry and the gate's answer; the buyer is told when there is one.
  const status = (fields['status'] === 'paid_late' ? 'expired' : fields['status']) as TicketStatus;
  const { at, place, lines } = readOrder(fields['order'] ?? '');
  return {
    id,
    saleId,
    status,
    version: Number(fields['v']),
    seq: Number(fields['seq']),
    ahead: status === 'queued' ? Math.max(0, place - 1 - decided) : 0,
    buyerId: fields['buyer'] ?? '',
    lines,
    currency,
    reservedAt: at,
    expiresAt: numberOf(fields['until']),
    reason: fields['why'] === undefined || fields['why'] === '' ? null : (fields['why'] as RefusalCode),
    receipt: `${fields['epoch']}.${fields['seq']}.${fields['tip']}`,
    outcomes: outcomesOf(fields),
  };
}

function outcomesOf(fields: Record<string, string>): Record<string, Outcome> {
  const outcomes: Record<string, Outcome> = {};
  for (const name in fields) {
    if (name.startsWith('c:') && fields[name] !== '') outcomes[name.slice(2)] = fields[name] as Outcome;
  }
  return outcomes;
}
