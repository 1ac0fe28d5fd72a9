import type { Context } from './answer.ts';
import { placeOf, type Ticket } from './ticket.ts';

/**
 * Who was acknowledged before another was sent is before them in line. Sorted by sending, with the last place that was
 * acknowledged by then: no pairs. Places of a lobby are drawn, so nobody there is first by having come first.
 *
 * A gate that was rebuilt and lost nothing carries over what was not decided in the same order, so epochs compare. After a
 * fault that loses what was acknowledged, a ticket that came back stands where it came back: only those that still have
 * the place of their receipt are compared, and only with those of their epoch.
 */
export function checkOrder({ ledger, faults, findings }: Context): void {
  const lossy = faults.lost();
  const tickets: Ticket[] = [];
  for (const ticket of ledger.tickets.values()) {
    if (ticket.state === 'new' || ticket.joined || ticket.cause === null) continue;
    if (lossy && ticket.cameBack) continue;
    tickets.push(ticket);
  }
  const bySent = tickets.toSorted((left, right) => left.firstSent - right.firstSent);
  const byAnswer = tickets.toSorted((left, right) => left.firstAcknowledged - right.firstAcknowledged);
  const lastOf = new Map<number, Ticket>();
  let acknowledged = 0;
  for (const ticket of bySent) {
    for (
      let earlier = byAnswer[acknowledged];
      earlier !== undefined && earlier.firstAcknowledged < ticket.firstSent;
      earlier = byAnswer[acknowledged]
    ) {
      const line = lossy ? earlier.epoch : 0;
      const last = lastOf.get(line);
      if (last === undefined || placeOf(earlier.epoch, earlier.seq) > placeOf(last.epoch, last.seq))
        lastOf.set(line, earlier);
      acknowledged += 1;
    }
    findings.looked('I8');
    const last = lastOf.get(lossy ? ticket.epoch : 0);
    if (last !== undefined && placeOf(last.epoch, last.seq) > placeOf(ticket.epoch, ticket.seq))
      findings.broken(
        'I8',
        `ticket ${ticket.id} has the place ${ticket.epoch}.${ticket.seq}, and was asked for after ${last.id} with ${last.epoch}.${last.seq} was acknowledged.`,
      );
  }
}
