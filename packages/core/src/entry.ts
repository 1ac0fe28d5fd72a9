import type { Line } from './reservation.ts';

/**
 * What a buyer, the merchant or the gate asks of a reservation. `expire` is the clock's
 * and `end` the sale's own, when it is over; these two never stand in the intake.
 */
export type CommandKind =
  | 'confirm'
  | 'cancel'
  | 'extend'
  | 'expire'
  | 'grant'
  | 'deny'
  | 'end'
  | 'return'
  | 'refunded';

interface EntryBase {
  /** Place in the intake; also the stream id `<seq>-0`. */
  seq: number;
  /** Made before the gate is called, so that a call that is sent again is recognised: the ticket's or the command's id. */
  id: string;
  ticketId: string;
  /** Whether the gate took units for this entry: all of its lines or none. */
  admitted: boolean;
  /** The gate's time, epoch milliseconds. */
  at: number;
  /** The chain after this entry. */
  tip: string;
}

/** `join` takes a place in the lobby: no units, and no place in line before the draw. */
export interface ReserveEntry extends EntryBase {
  kind: 'reserve' | 'withdraw' | 'join';
  buyerId: string;
  lines: Line[];
  idempotencyKey: string | null;
  fingerprint: string | null;
}

/** A member of the lobby gets the place in line that was drawn; written by the gate, one for each number of the draw. */
export interface PlaceEntry extends EntryBase {
  kind: 'place';
  /** Empty, like the lines, for one who had given up before. */
  buyerId: string;
  lines: Line[];
  /** Place in the drawn order, from 1 on. */
  number: number;
}

export interface CommandEntry extends EntryBase {
  kind: Exclude<CommandKind, 'expire'>;
  paymentRef: string | null;
  /** Asked extension in seconds; null leaves it to the sale's rule. */
  seconds: number | null;
  reason: string | null;
}

export type IntakeEntry = ReserveEntry | PlaceEntry | CommandEntry;

export function isReserve(entry: IntakeEntry): entry is ReserveEntry {
  return entry.kind === 'reserve' || entry.kind === 'withdraw' || entry.kind === 'join';
}

/** An entry in no form that this program knows, with what of it could be read all the same. */
export interface UnreadableEntry {
  seq: number;
  /** The chain after it, as it stands beside the entry. */
  tip: string;
  /** Its version is higher than any that is known here: a newer program wrote it, and others of its kind can read it. */
  newer: boolean;
  /** SHA-256 of its text without the part that names a person. */
  digest: string;
  at: number | null;
  /** Null where there is none, or not one of this sale. */
  ticketId: string | null;
  /** Units that the gate took for it; none where that cannot be told. */
  lines: Line[];
}

/** How long an entry of a newer version is left to the programs that know it, while a deployment is being replaced. */
export const newerPatienceMs = 600_000;
