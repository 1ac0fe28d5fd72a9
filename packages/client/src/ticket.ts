import type { Payment as ProviderPayment, RefusalCode, TicketStatus } from '@holdfast/core';

export type { RefusalCode, TicketStatus };
export type PaymentStatus = ProviderPayment['status'];

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
  /** How often a hold may still be extended, and by how many seconds in all; null when nothing is held. */
  extensions: { left: number; seconds: number } | null;
  reason: RefusalCode | null;
  receipt: string;
}

/** How to pay for a hold: with the provider's own form and `clientSecret`, or at `payUrl`, when it is not null. */
export interface Payment {
  provider: string;
  clientSecret: string;
  /** `open`: the buyer has to act. `processing`: the provider has to. */
  status: PaymentStatus;
  payUrl: string | null;
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

/** The sale wants the solution of a challenge first, or another one than was brought. */
export function asksForSolution(answer: TicketAnswer): boolean {
  return answer.kind === 'refused' && answer.code.startsWith('challenge_');
}

/** `payment` where a provider takes the money and it has not been paid yet: the ticket is still held. */
export type ConfirmAnswer =
  | { kind: 'ticket'; ticket: Ticket; replayed: boolean; payment: Payment | null }
  | Refused;
