import type { RefusalCode } from './refusal.ts';

/** What happened to a reservation. `refused` is a command that changed nothing; `handed_back` an entry the ledger already knew. */
export type ReservationEventType =
  | 'held'
  | 'waitlisted'
  | 'rejected'
  | 'withdrawn'
  | 'confirmed'
  | 'cancelled'
  | 'expired'
  | 'extended'
  | 'paid_late'
  | 'refund_due'
  | 'refunded'
  | 'returned'
  | 'refused'
  | 'handed_back';

/** What happened to a sale as a whole. */
export type SaleEventType =
  | 'sale_created'
  | 'sale_changed'
  | 'sale_moved'
  | 'restocked'
  | 'gate_rebuilt'
  | 'repaired';

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
  reason?: RefusalCode;
  sku?: string;
  delta?: number;
  status?: string;
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
