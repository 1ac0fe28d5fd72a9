import type { RefusalCode } from './refusal.ts';
import type { RepairKind } from './repair.ts';

/**
 * What happened to a reservation. `joined` the lobby; `refused` is a command that changed nothing; `handed_back` an entry
 * the ledger already knew; `erased` has lost its buyer.
 */
export type ReservationEventType =
  | 'joined'
  | 'held'
  | 'waitlisted'
  | 'rejected'
  | 'withdrawn'
  | 'confirmed'
  | 'cancelled'
  | 'expired'
  | 'extended'
  | 'prolonged'
  | 'paid_late'
  | 'refund_due'
  | 'refunded'
  | 'returned'
  | 'refused'
  | 'handed_back'
  | 'erased';

/** What happened to a sale as a whole. */
export type SaleEventType =
  | 'sale_created'
  | 'sale_changed'
  | 'sale_moved'
  | 'drawn'
  | 'restocked'
  | 'gate_rebuilt'
  | 'repaired'
  | 'quarantined';

export type EventType = ReservationEventType | SaleEventType;

/** `[sku, quantity, unitPriceMinor]`, the form in which lines stand in the intake and in the journal. */
export type PackedLine = [sku: string, quantity: number, unitPriceMinor: number];

/** The facts of an event; which of them are present follows from its type. Times are epoch milliseconds. */
export interface EventData {
  lines?: PackedLine[];
  seq?: number;
  epoch?: number;
  tip?: string;
  expiresAt?: number;
  seconds?: number;
  paymentRef?: string;
  /** As the journal has it: SHA-256 of who bought, and of what was paid with, keyed with what an erasure forgets. */
  buyer?: string;
  payment?: string;
  /** With `erased`: what the buyer is called from now on. */
  pseudonym?: string;
  reason?: RefusalCode;
  sku?: string;
  delta?: number;
  status?: string;
  /** SHA-256 of the draw's seed, published when the lobby opens. */
  commitment?: string;
  /** A public value that nobody had when the lobby opened, given with the opening. */
  beacon?: string;
  /** With `drawn`: what the order follows from, how many it has, and the digest of who they are. */
  seed?: string;
  members?: number;
  listHash?: string;
  /** Place in the drawn order, from 1 on: the member of the lobby was given its place in line. */
  place?: number;
  /** With `repaired`: what `delta` units of `sku` were. */
  repair?: RepairKind;
  /** With `quarantined`: SHA-256 of the entry's text, without the part that names a person. */
  digest?: string;
  /** With `gate_rebuilt`: for which reason. */
  why?: string;
  terms?: Record<string, unknown>;
}

/** An event before it has its place. */
export interface NewEvent {
  type: EventType;
  ticketId: string | null;
  commandId: string | null;
  data: EventData;
  at: number;
}

/** An event in the journal. Positions of a sale are 1, 2, 3 ... without a gap; `hash` chains them. */
export interface JournalEvent extends NewEvent {
  position: number;
  hash: string;
}
