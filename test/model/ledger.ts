import type { Decision } from './decide.ts';
import type { Settlement, Want } from './gate.ts';
import type { Rules } from './rules.ts';
import type { Units } from './units.ts';
import { none, plus, sum, total } from './units.ts';

export type Status =
  | 'queued'
  | 'waitlisted'
  | 'held'
  | 'confirmed'
  | 'cancelled'
  | 'expired'
  | 'rejected'
  | 'returned'
  | 'paid_late'
  | 'refund_due';
export type SaleStatus = 'open' | 'paused' | 'closed';

export type Reservation = {
  readonly buyer: number;
  readonly lines: Units;
  readonly status: Status;
  readonly version: number;
  readonly expiresAt: number;
};

export type JournalEvent = {
  readonly ticket: string;
  readonly buyer: number;
  readonly lines: Units;
  readonly from: Status;
  readonly status: Status;
  readonly version: number;
  readonly expiresAt: number;
  /** Buyer's units that this gives back. */
  readonly released: number;
  /** The entry that it answers, and when that reached the gate; none for what time brought about. */
  readonly entry: string | undefined;
  readonly sentAt: number;
  readonly reason: Reason;
  readonly at: number;
  readonly sale: SaleStatus;
};
export type Reason = 'asked' | 'lapsed' | 'limit_reached' | 'sold_out' | 'closed' | 'quarantined' | 'known';

/** One sale as Postgres has it. A transaction puts a new value in its place, so whoever read the old one still has it. */
export type Ledger = {
  readonly epoch: number;
  readonly revision: number;
  readonly cursor: number;
  readonly tip: string;
  readonly time: number;
  readonly status: SaleStatus;
  readonly stock: Units;
  readonly taken: Units;
  readonly returned: Units;
  /** In the order of their seq. */
  readonly reservations: ReadonlyMap<string, Reservation>;
  readonly known: ReadonlySet<string>;
  readonly released: ReadonlyMap<number, number>;
  readonly journal: readonly JournalEvent[];
};

/** The ledger and the lock on its row in `gates`. */
export type Database = { ledger: Ledger; lockedBy: object | undefined };

export const isAboutATicket = ({ ticket }: JournalEvent): boolean => ticket !== '';
export const isActive = (status: Status): boolean => status === 'held' || status === 'confirmed';
export const isClaim = (status: Status): boolean => isActive(status) || status === 'waitlisted';
export const isFinal = (status: Status): boolean =>
  status === 'cancelled' ||
  status === 'expired' ||
  status === 'rejected' ||
  status === 'returned' ||
  status === 'refund_due';

export function openDatabase(stock: Units): Database {
  const ledger: Ledger = {
    epoch: 1,
    revision: 0,
    cursor: 0,
    tip: 'first',
    time: 1,
    status: 'open',
    stock,
    taken: none,
    returned: none,
    reservations: new Map(),
    known: new Set(),
    released: new Map(),
    journal: [],
  };
  return { ledger, lockedBy: undefined };
}

/** Takes the sale's row without waiting, and compares it with what the run read. */
export function begin(
  database: Database,
  run: object,
  seen: Ledger,
  keep: Rules,
): 'begun' | 'busy' | 'moved' {
  const { ledger } = database;
  if (database.lockedBy) return 'busy';
  if (ledger.cursor !== seen.cursor || ledger.tip !== seen.tip) return 'moved';
  if (keep.has('compareEpoch') && ledger.epoch !== seen.epoch) return 'moved';
  if (keep.has('compareRevision') && ledger.revision !== seen.revision) return 'moved';
  database.lockedBy = run;
  return 'begun';
}

/** All of the decision, as additions to what stands there by now, or nothing of it. */
export function commit(database: Database, run: object, decision: Decision): 'committed' | 'gone' | 'choked' {
  if (database.lockedBy !== run) return 'gone';
  database.lockedBy = undefined;
  if (decision.poisoned) return 'choked';
  const { ledger } = database;
  database.ledger = {
    ...ledger,
    revision: ledger.revision + 1,
    cursor: decision.cursor,
    tip: decision.tip,
    time: decision.time,
    taken: plus(ledger.taken, decision.taken),
    returned: plus(ledger.returned, decision.returned),
    reservations: new Map([...ledger.reservations, ...decision.reservations]),
    known: new Set([...ledger.known, ...decision.known]),
    released: releasedAfter(ledger, decision.journal),
    journal: [...ledger.journal, ...decision.journal],
  };
  return 'committed';
}

/** Units that are nowhere were taken and are back: the next settlement raises the ceiling by them. */
export function mend(database: Database, leaked: Units): void {
  const { ledger } = database;
  database.ledger = {
    ...ledger,
    revision: ledger.revision + 1,
    taken: plus(ledger.taken, leaked),
    returned: plus(ledger.returned, leaked),
    journal: told(ledger),
  };
}

/** A connection that ends takes its open transaction with it. */
export function hangUp(database: Database, run: object): void {
  if (database.lockedBy === run) database.lockedBy = undefined;
}

/** The first half of a rebuild: from here on nothing that read the older epoch can commit. */
export function fence(
  database: Database,
  seen: Ledger,
  gateEpoch: number,
  keep: Rules,
): { epoch: number; ledger: Ledger } | 'busy' | 'moved' {
  const { ledger } = database;
  if (database.lockedBy) return 'busy';
  const moved =
    ledger.epoch !== seen.epoch || ledger.revision !== seen.revision || ledger.cursor !== seen.cursor;
  if (keep.has('compareRebuild') && moved) return 'moved';
  const epoch = Math.max(ledger.epoch, gateEpoch) + 1;
  database.ledger = {
    ...ledger,
    epoch: keep.has('raiseEpoch') ? epoch : ledger.epoch,
    revision: keep.has('raiseRevision') ? ledger.revision + 1 : ledger.revision,
  };
  return { epoch, ledger: database.ledger };
}

/** What the console does, ledger first; false when a run holds the row and it must try again. */
export function restock(database: Database, units: Units): boolean {
  return change(database, (ledger) => ({
    ...ledger,
    stock: plus(ledger.stock, units),
    journal: told(ledger),
  }));
}

export function changeStatus(database: Database, status: SaleStatus): boolean {
  return change(database, (ledger) => {
    if (ledger.status === 'closed') return ledger;
    const changed = { ...ledger, status };
    return status === 'closed' ? sendHome(changed) : { ...changed, journal: told(changed) };
  });
}

/** What a run brings to the gate: a piece of the journal, and how everything stands by now. */
export function settlement(ledger: Ledger, from: number, atMost: number, keep: Rules): Settlement {
  const piece = ledger.journal.slice(from, from + atMost);
  const to = keep.has('pieceByPiece') ? from + piece.length : ledger.journal.length;
  const outcomes = piece.map((event, index) => ({ ...event, position: from + index })).filter(isAboutATicket);
  const wants: Want[] = [];
  for (const [ticket, { buyer, lines, status }] of ledger.reservations) {
    if (status === 'waitlisted' || status === 'paid_late') wants.push({ ticket, buyer, lines, status });
  }
  return {
    epoch: ledger.epoch,
    cursor: ledger.cursor,
    tip: ledger.tip,
    from,
    to,
    outcomes,
    status: statusAt(ledger, to),
    ceiling: plus(ledger.stock, ledger.returned),
    released: ledger.released,
    wants,
  };
}

/** The sale's status as the journal had it at this position. */
export const statusAt = (ledger: Ledger, position: number): SaleStatus =>
  ledger.journal.slice(0, position).findLast((event) => !isAboutATicket(event))?.sale ?? 'open';

export function active(ledger: Ledger): Units {
  return sum(
    [...ledger.reservations.values()].filter(({ status }) => isActive(status)).map(({ lines }) => lines),
  );
}

export function claimsIn(ledger: Ledger, buyer: number): number {
  let units = 0;
  for (const reservation of ledger.reservations.values()) {
    if (reservation.buyer === buyer && isClaim(reservation.status)) units += total(reservation.lines);
  }
  return units;
}

function change(database: Database, next: (ledger: Ledger) => Ledger): boolean {
  if (database.lockedBy) return false;
  const changed = next(database.ledger);
  if (changed !== database.ledger) database.ledger = { ...changed, revision: changed.revision + 1 };
  return true;
}

/** A closed sale keeps nobody waiting. */
function sendHome(ledger: Ledger): Ledger {
  const reservations = new Map(ledger.reservations);
  const journal = told(ledger);
  for (const [ticket, reservation] of reservations) {
    if (reservation.status !== 'waitlisted') continue;
    const { buyer, lines, expiresAt, version } = reservation;
    reservations.set(ticket, { ...reservation, status: 'rejected', version: version + 1 });
    const story = { ticket, buyer, lines, expiresAt, from: reservation.status, version: version + 1 };
    journal.push({
      ...aboutTheSale(ledger),
      ...story,
      status: 'rejected',
      released: total(lines),
      reason: 'closed',
    });
  }
  return {
    ...ledger,
    reservations,
    journal,
    released: releasedAfter(ledger, journal.slice(ledger.journal.length)),
  };
}

const told = (ledger: Ledger): JournalEvent[] => [...ledger.journal, aboutTheSale(ledger)];

function aboutTheSale(ledger: Ledger): JournalEvent {
  return {
    ticket: '',
    buyer: 0,
    lines: none,
    from: 'queued',
    status: 'queued',
    version: 0,
    expiresAt: 0,
    released: 0,
    entry: undefined,
    sentAt: 0,
    reason: 'asked',
    at: ledger.time,
    sale: ledger.status,
  };
}

function releasedAfter(ledger: Ledger, events: readonly JournalEvent[]): ReadonlyMap<number, number> {
  const released = new Map(ledger.released);
  for (const event of events) {
    if (event.released > 0) released.set(event.buyer, (released.get(event.buyer) ?? 0) + event.released);
  }
  return released;
}
