import type { RefusalCode } from './refusal.ts';
import type { Line, Outcome, ReservationStatus } from './reservation.ts';

export type TicketStatus = Exclude<ReservationStatus, 'paid_late'>;

/** What a buyer sees of a reservation, read from the gate. Times are epoch milliseconds. */
export interface Ticket {
  id: string;
  saleId: string;
  status: TicketStatus;
  version: number;
  seq: number;
  /** Undecided reservations before this one; 0 once it is decided. */
  ahead: number;
  buyerId: string;
  lines: Line[];
  currency: string;
  reservedAt: number;
  expiresAt: number | null;
  /** How often the hold may still be extended, and by how many seconds in all; null when nothing is held. */
  extensions: { left: number; seconds: number } | null;
  reason: RefusalCode | null;
  /** `<epoch>.<seq>.<tip>`: the place in line, checkable after the sale. */
  receipt: string;
  /** What became of each command, by its id. */
  outcomes: Record<string, Outcome>;
}

export function totalMinor(lines: readonly Line[]): number {
  let total = 0;
  for (const line of lines) total += line.quantity * line.unitPriceMinor;
  return total;
}

/** The ticket will not change again by itself: a poller may stop, a stream may close. `confirmed` may still be returned by the merchant. */
export function isSettledForBuyer(status: TicketStatus): boolean {
  return !(status === 'lobby' || status === 'queued' || status === 'waitlisted' || status === 'held');
}

const shardPattern = /^[0-9a-z]{1,4}$/;
export const saleIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const secretPattern = /^[0-9A-Za-z]{22}$/;

/**
 * A ticket id says its shard and its sale, and ends with 22 letters and digits from a secure source (131 bits),
 * which make it an unguessable capability: `<shard>-<saleId>-<secret>`.
 */
export function makeTicketId(shard: string, saleId: string, secret: string): string {
  return `${shard}-${saleId}-${secret}`;
}

/** Shard and sale of a well-formed ticket id, else null. Says nothing about whether the ticket exists. */
export function parseTicketId(ticketId: string): { shard: string; saleId: string } | null {
  if (ticketId.length > 100) return null;
  const first = ticketId.indexOf('-');
  const last = ticketId.lastIndexOf('-');
  if (first < 1 || last <= first + 1) return null;
  const shard = ticketId.slice(0, first);
  const saleId = ticketId.slice(first + 1, last);
  if (
    !shardPattern.test(shard) ||
    !saleIdPattern.test(saleId) ||
    !secretPattern.test(ticketId.slice(last + 1))
  )
    return null;
  return { shard, saleId };
}
