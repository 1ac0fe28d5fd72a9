import type { RefusalCode } from './refusal.ts';

export interface Line {
  sku: string;
  quantity: number;
  /** The price that was promised when the ticket was given. */
  unitPriceMinor: number;
}

/**
 * `paid_late` lives between a payment after expiry and the gate's answer to it (grant or deny);
 * buyers see it as `expired` until then.
 */
export const reservationStatuses = [
  'lobby',
  'queued',
  'waitlisted',
  'held',
  'paid_late',
  'confirmed',
  'cancelled',
  'expired',
  'rejected',
  'returned',
  'refund_due',
  'refunded',
] as const;

export type ReservationStatus = (typeof reservationStatuses)[number];

/** What became of one command: `ok`, or the code it was refused with. */
export type Outcome = 'ok' | RefusalCode;

/** One reservation as the ledger knows it. Times are epoch milliseconds. */
export interface Reservation {
  ticketId: string;
  saleId: string;
  seq: number;
  epoch: number;
  /** Empty for the house, whose reservations are withdrawals. */
  buyerId: string;
  idempotencyKey: string | null;
  /** Digest of the request body, so that a reused key with another body is noticed. */
  fingerprint: string | null;
  lines: Line[];
  status: ReservationStatus;
  /** Grows by one with every event of this reservation that a buyer can see. */
  version: number;
  reservedAt: number;
  /** When its units became its own, the last time; null for one that was never held. */
  heldAt: number | null;
  /** The deadline, only while held. */
  expiresAt: number | null;
  confirmedAt: number | null;
  paymentRef: string | null;
  reason: RefusalCode | null;
  extensions: number;
  extendedSeconds: number;
  /** The gate's chain after this entry: the receipt of the place in line. */
  tip: string;
  /** What became of each command, by its id: a repeat gets the same answer. */
  outcomes: Record<string, Outcome>;
}

export const house = '';

export function unitsOf(lines: readonly { quantity: number }[]): number {
  let units = 0;
  for (const line of lines) units += line.quantity;
  return units;
}

/** Units are taken from the stock in these states. */
export function holdsUnits(status: ReservationStatus): boolean {
  return status === 'held' || status === 'confirmed';
}

/** A buyer's limit counts these. */
export function countsForBuyer(status: ReservationStatus): boolean {
  return holdsUnits(status) || status === 'waitlisted' || status === 'queued';
}

/** Units are asked of the gate for these: by those on the waitlist, and by those who paid late. */
export function waits(status: ReservationStatus): boolean {
  return status === 'waitlisted' || status === 'paid_late';
}

/** No command moves a reservation out of these, but for a payment that comes after expiry. */
export function isFinal(status: ReservationStatus): boolean {
  return (
    status === 'cancelled' ||
    status === 'rejected' ||
    status === 'returned' ||
    status === 'refunded' ||
    status === 'expired'
  );
}
