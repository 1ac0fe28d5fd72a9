import { problem, refusalProblem, ticketJson } from '@holdfast/contracts';
import { type EdgeGate, refusalToPay, refuse, type Ticket, totalMinor } from '@holdfast/core';
import { json } from '../call.ts';
import type { Payments } from '../payments.ts';
import type { TicketRead, TicketWatches } from '../ticket-watch.ts';
import { type CarryOut, ledgerPatienceMs } from './command.ts';

/**
 * A confirm where a provider takes the money: it begins the payment of the hold, or finds it again, and the provider's
 * word confirms. The ticket stays held meanwhile, and its deadline stands. What costs nothing is confirmed at once.
 */
export function payFirst(
  gate: EdgeGate,
  watches: TicketWatches,
  { provider, take }: Payments,
  carryOut: CarryOut,
): CarryOut {
  return async (request, requestId) => {
    const read = await once(gate, watches, request.ticketId, ({ status }) => status !== 'queued');
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    const { ticket } = read;
    if (totalMinor(ticket.lines) === 0) return carryOut(request, requestId);
    // Whoever comes back to see whether it was paid is told that it was.
    if (ticket.status === 'confirmed') return json(200, ticketJson(ticket));
    const refusal = refusalToPay(ticket.status);
    if (refusal !== null) return refusalProblem(refuse(refusal), requestId);

    const begun = await provider.begin({
      ticketId: ticket.id,
      saleId: ticket.saleId,
      totalMinor: totalMinor(ticket.lines),
      currency: ticket.currency,
    });
    if (begun.kind === 'refused') return refusalProblem(begun, requestId);
    let now = ticket;
    if (begun.notice !== null) {
      // It has ended, and the event that should have told us may be lost: this is as good.
      const taken = await take(begun.notice);
      if (taken.kind === 'refused') return refusalProblem(taken, requestId);
      const after = await once(gate, watches, ticket.id, ({ status }) => status !== 'held');
      if (after.kind === 'refused') return refusalProblem(after, requestId);
      now = after.ticket;
    }
    if (now.status === 'held') {
      const paying = { ...ticketJson(now), payment: { provider: provider.name, ...begun.payment } };
      return json(202, paying, { Location: `/v1/tickets/${now.id}`, 'Cache-Control': 'no-store' });
    }
    return now.status === 'cancelled' ? problem('already_cancelled', requestId) : json(200, ticketJson(now));
  };
}

/** The ticket when it is so, or as it was when the ledger took too long. */
async function once(
  gate: EdgeGate,
  watches: TicketWatches,
  ticketId: string,
  isSo: (ticket: Ticket) => boolean,
): Promise<TicketRead> {
  const watch = watches.watch(ticketId, 'steady');
  try {
    const first = await gate.readTicket(ticketId);
    if (first.kind === 'refused' || isSo(first.ticket)) return first;
    const ticket = await watches.until(watch, isSo, ledgerPatienceMs);
    return ticket === null ? first : { kind: 'ticket', ticket };
  } finally {
    watch.end();
  }
}
