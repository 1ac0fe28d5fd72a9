import type { Wish } from './evidence.ts';
import { wishText } from './ticket.ts';

/** Those on the waitlist, in the order in which they joined, kept per wish: there are few different ones. */
export interface Waiting {
  join(ticketId: string, lines: Wish): void;
  leave(ticketId: string): void;
  /** Somebody who waits; null when nobody does. */
  first(): string | null;
  /** Who joined before this one, waits for no more than it gets, and is still there; null when it is nobody. */
  passedOver(ticketId: string): string | null;
}

interface Queue {
  lines: Map<string, number>;
  /** Ticket, and its number in the order of joining. */
  tickets: Map<string, number>;
}

export function createWaiting(): Waiting {
  const queues = new Map<string, Queue>();
  const queueOf = new Map<string, Queue>();
  let joined = 0;

  return {
    join(ticketId, lines) {
      const wish = wishText(lines);
      let queue = queues.get(wish);
      if (queue === undefined) {
        queue = { lines: new Map(lines), tickets: new Map() };
        queues.set(wish, queue);
      }
      joined += 1;
      queue.tickets.set(ticketId, joined);
      queueOf.set(ticketId, queue);
    },
    leave(ticketId) {
      queueOf.get(ticketId)?.tickets.delete(ticketId);
      queueOf.delete(ticketId);
    },
    first: () => queueOf.keys().next().value ?? null,
    passedOver(ticketId) {
      const own = queueOf.get(ticketId);
      if (own === undefined) return null;
      const number = own.tickets.get(ticketId) ?? 0;
      for (const { lines, tickets } of queues.values()) {
        const [first] = tickets;
        if (first !== undefined && first[1] < number && fitsInto(lines, own.lines)) return first[0];
      }
      return null;
    },
  };
}

/** Where the larger wish can be had, so can the smaller. */
function fitsInto(small: ReadonlyMap<string, number>, large: ReadonlyMap<string, number>): boolean {
  for (const [sku, quantity] of small) if (quantity > (large.get(sku) ?? 0)) return false;
  return true;
}
