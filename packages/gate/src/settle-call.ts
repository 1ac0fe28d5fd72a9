import { ceilingOf, isFinal, type Settlement } from '@holdfast/core';
import type { SaleKeys } from './keys.ts';
import { termFields } from './terms.ts';
import { deadlineOf } from './ticket-record.ts';

/** Keys and arguments of the settle script for one piece of the journal. */
export function settleCall(
  keys: SaleKeys,
  settlement: Settlement,
  retentionMs: number,
): { names: string[]; args: (string | number)[] } {
  const { cursor, tickets, items, withdrawn, released, sale, waiting } = settlement;
  const terms = sale === null ? [] : termFields(sale);
  const names = [keys.boot, keys.sale, keys.intake, keys.buyers];
  const args: (string | number)[] = [
    cursor.epoch,
    cursor.committedSeq,
    cursor.tip,
    settlement.fromPosition,
    settlement.toPosition,
    settlement.toPosition === cursor.position ? `${cursor.position} ${cursor.head}` : '',
    retentionMs,
    keys.news,
    tickets.length,
    items.size,
    released.size,
    terms.length,
    waiting.length,
  ];
  for (const ticket of tickets) {
    names.push(keys.ticket(ticket.ticketId));
    const outcomes = Object.entries(ticket.outcomes);
    const state = `${ticket.status}\n${deadlineOf(ticket)}\n${ticket.reason ?? ''}\n`;
    args.push(ticket.version, state, isFinal(ticket.status) ? '1' : '0', outcomes.length);
    for (const [commandId, outcome] of outcomes) args.push(commandId, outcome);
  }
  for (const { ticketId } of waiting) names.push(keys.ticket(ticketId));
  names.push(keys.moved);
  for (const [sku, counters] of items)
    args.push(sku, ceilingOf(counters), counters.stock - (withdrawn.get(sku) ?? 0));
  for (const [buyerId, units] of released) args.push(buyerId, units);
  for (const [field, value] of terms) args.push(field, value);
  for (const { ticketId, buyerId, late, lines } of waiting) {
    args.push(
      ticketId,
      buyerId,
      late ? lines.reduce((units, line) => units + line.quantity, 0) : 0,
      lines.length,
    );
    for (const line of lines) args.push(line.sku, line.quantity);
  }
  return { names, args };
}
