import { type Refusal, refuse, type Ticket } from '@holdfast/core';
import { ticketOf, writtenUnder } from './ticket-record.ts';

const closed = refuse('gate_unavailable', { retryAfterSeconds: 1 });

/**
 * The answer of read-tickets, one for each id. A ticket that is missing is unknown only at a gate that has all of its
 * tickets back; what an older gate left behind counts as missing.
 */
export function ticketsIn(saleId: string, ids: readonly string[], reply: unknown): (Ticket | Refusal)[] {
  if (reply === 'closed') return ids.map(() => closed);
  const [terms, decided, epoch, rebuiltAt, restoring, , ...records] = reply as [
    string,
    number,
    number,
    string,
    string,
    string,
    ...string[],
  ];
  const missing = restoring === '' ? refuse('unknown_ticket') : closed;
  return ids.map((id, index) => {
    const record = records[index] ?? '';
    if (record !== '' && rebuiltAt !== '' && writtenUnder(record) !== epoch) return missing;
    return ticketOf(id, saleId, terms, decided, record) ?? missing;
  });
}
