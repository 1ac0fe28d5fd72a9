import type { Prepared } from './admission.ts';

/**
 * What this edge acknowledged and has not yet seen decided. A disk or a replica may lose what Redis acknowledged; then
 * such a ticket stands in no log, and only the edge that gave it still knows of it. Bounded: what is too old, or too much,
 * is forgotten first.
 */
export interface Acknowledged {
  remember(saleId: string, prepared: Prepared): void;
  has(saleId: string, ticketId: string): boolean;
  /** It was seen decided: the ledger has it. */
  forget(saleId: string, ticketId: string): void;
  /** Sales with tickets that are not decided yet. */
  sales(): string[];
  /** In the order in which they were given; only those that are remembered for `olderThanMs`. */
  of(saleId: string, olderThanMs: number): Prepared[];
}

export interface AcknowledgedLimits {
  /** Tickets that one edge remembers, of all sales together; 200 to 400 bytes each. */
  most: number;
  /** For how long at most, milliseconds. */
  longestMs: number;
}

export function createAcknowledged({ most, longestMs }: AcknowledgedLimits): Acknowledged {
  const sales = new Map<string, Map<string, { prepared: Prepared; since: number }>>();
  let count = 0;

  function forget(saleId: string, ticketId: string): void {
    const tickets = sales.get(saleId);
    if (tickets === undefined || !tickets.delete(ticketId)) return;
    count--;
    if (tickets.size === 0) sales.delete(saleId);
  }

  function forgetOldest(saleId: string): void {
    const [oldest] = sales.get(saleId)?.keys() ?? [];
    if (oldest !== undefined) forget(saleId, oldest);
  }

  return {
    remember(saleId, prepared) {
      const tickets = sales.get(saleId) ?? new Map();
      sales.set(saleId, tickets);
      if (!tickets.has(prepared.ticketId)) count++;
      tickets.set(prepared.ticketId, { prepared, since: performance.now() });
      if (count > most) forgetOldest(saleId);
    },
    has: (saleId, ticketId) => sales.get(saleId)?.has(ticketId) ?? false,
    forget,
    sales: () => [...sales.keys()],
    of(saleId, olderThanMs) {
      const now = performance.now();
      const old: Prepared[] = [];
      for (const [ticketId, { prepared, since }] of [...(sales.get(saleId) ?? [])]) {
        if (now - since > longestMs) forget(saleId, ticketId);
        else if (now - since >= olderThanMs) old.push(prepared);
      }
      return old;
    },
  };
}
