import type { RefusalCode, TicketStatus } from '@holdfast/core';

export type { RefusalCode, TicketStatus };

export interface TicketLine {
  sku: string;
  quantity: number;
  /** The price that was promised with the ticket, in minor units. */
  unitPriceMinor: number;
}

/** A place in line and what became of it. Times are ISO 8601 in UTC, money is in minor units of `currency`. */
export interface Ticket {
  id: string;
  saleId: string;
  status: TicketStatus;
  /** Grows with every change; the higher one is the newer. */
  version: number;
  /** The place in the sale's order. */
  seq: number;
  /** Undecided reservations before this one. */
  ahead: number;
  buyerId: string;
  lines: TicketLine[];
  totalMinor: number;
  currency: string;
  reservedAt: string;
  /** Deadline of the hold; null when nothing is held. */
  expiresAt: string | null;
  reason: RefusalCode | null;
  receipt: string;
}

/** `confirmed` may still be returned by the merchant, but a buyer need not watch for it. */
export function isFinal(status: TicketStatus): boolean {
  return !(status === 'lobby' || status === 'queued' || status === 'waitlisted' || status === 'held');
}

/** The server said no, and why. Not an error: nothing was taken, and asking again in the same way gets the same. */
export interface Refused {
  kind: 'refused';
  code: RefusalCode;
  status: number;
  /** A sentence for people, in English. */
  detail: string;
  /** The whole problem document, with extras such as `opensAt` or `issues`. */
  problem: Record<string, unknown>;
}

export type TicketAnswer = { kind: 'ticket'; ticket: Ticket; replayed: boolean } | Refused;
