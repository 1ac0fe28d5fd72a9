import type { NewEvent } from './journal.ts';
import type { Reservation, ReservationStatus } from './reservation.ts';

/**
 * What stands in the way of erasing a buyer: `open` can be given up first, `owed` is money that somebody has to be able
 * to give back. Null where nothing does: what is bought stays bought, by nobody who can be named.
 */
export function hindersErasure(status: ReservationStatus): 'open' | 'owed' | null {
  switch (status) {
    case 'lobby':
    case 'queued':
    case 'waitlisted':
    case 'held':
      return 'open';
    case 'paid_late':
    case 'refund_due':
      return 'owed';
    case 'confirmed':
    case 'cancelled':
    case 'expired':
    case 'rejected':
    case 'returned':
    case 'refunded':
      return null;
  }
}

/** The reservation keeps its place, its units and its price; who had it is forgotten. */
export function erasureOf({ ticketId }: Reservation, pseudonym: string, at: number): NewEvent {
  return { type: 'erased', ticketId, commandId: null, data: { pseudonym }, at };
}
