import type { NewEvent } from './journal.ts';
import type { Reservation, ReservationStatus } from './reservation.ts';

/** The reservation after `event`. Pure; the row in the ledger is this fold and nothing else. */
export function evolve(before: Reservation, event: NewEvent): Reservation {
  const reservation = event.data.place === undefined ? before : placed(before, event.data);
  const outcomes =
    event.commandId === null
      ? reservation.outcomes
      : { ...reservation.outcomes, [event.commandId]: event.data.reason ?? ('ok' as const) };
  switch (event.type) {
    case 'joined':
      return { ...reservation, status: 'lobby' };
    case 'refused':
      return { ...reservation, outcomes };
    case 'held':
      return {
        ...moved(reservation, 'held', outcomes),
        heldAt: event.at,
        expiresAt: event.data.expiresAt ?? null,
      };
    case 'waitlisted':
      return moved(reservation, 'waitlisted', outcomes);
    case 'rejected':
      return { ...moved(reservation, 'rejected', outcomes), reason: event.data.reason ?? null };
    case 'withdrawn':
      return { ...moved(reservation, 'confirmed', outcomes), confirmedAt: event.at };
    case 'confirmed':
      return {
        ...moved(reservation, 'confirmed', outcomes),
        confirmedAt: event.at,
        paymentRef: event.data.paymentRef ?? reservation.paymentRef,
      };
    case 'paid_late':
    case 'refund_due':
      return {
        ...moved(reservation, event.type, outcomes),
        paymentRef: event.data.paymentRef ?? reservation.paymentRef,
        reason: event.data.reason ?? reservation.reason,
      };
    case 'extended':
      return {
        ...moved(reservation, 'held', outcomes),
        expiresAt: event.data.expiresAt ?? reservation.expiresAt,
        extensions: reservation.extensions + 1,
        extendedSeconds: reservation.extendedSeconds + (event.data.seconds ?? 0),
      };
    // The merchant's time costs the buyer none of the extensions.
    case 'prolonged':
      return {
        ...moved(reservation, 'held', outcomes),
        expiresAt: event.data.expiresAt ?? reservation.expiresAt,
      };
    case 'cancelled':
      return { ...moved(reservation, 'cancelled', outcomes), reason: event.data.reason ?? null };
    case 'expired':
    case 'returned':
    case 'refunded':
      return moved(reservation, event.type, outcomes);
    // Commands are known by what their buyer sent, so what became of them goes too; the state answers a repeat.
    case 'erased':
      return {
        ...moved(reservation, reservation.status, {}),
        expiresAt: reservation.expiresAt,
        buyerId: event.data.pseudonym ?? reservation.buyerId,
        idempotencyKey: null,
        fingerprint: null,
        paymentRef: null,
      };
    case 'handed_back':
    case 'sale_created':
    case 'sale_changed':
    case 'sale_moved':
    case 'drawn':
    case 'restocked':
    case 'gate_rebuilt':
    case 'repaired':
    case 'quarantined':
      return reservation;
  }
}

/** A member of the lobby gets its place in line; the gate has shown it as queued, and so counts the version. */
function placed(reservation: Reservation, { seq, epoch, tip }: NewEvent['data']): Reservation {
  return {
    ...reservation,
    version: reservation.version + 1,
    seq: seq ?? reservation.seq,
    epoch: epoch ?? reservation.epoch,
    tip: tip ?? reservation.tip,
  };
}

/** Only a hold has a deadline, so leaving `held` forgets it: what the ledger's index of deadlines holds is what is due. */
function moved(
  reservation: Reservation,
  status: ReservationStatus,
  outcomes: Reservation['outcomes'],
): Reservation {
  return { ...reservation, status, version: reservation.version + 1, expiresAt: null, outcomes };
}
