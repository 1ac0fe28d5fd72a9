import type { Shop } from './commands.ts';
import type { Entry } from './gate.ts';
import { house } from './gate.ts';
import type { JournalEvent, Ledger, Reason, Reservation, Status } from './ledger.ts';
import { claimsIn, isClaim } from './ledger.ts';
import type { Rules } from './rules.ts';
import type { Units } from './units.ts';
import { fits, minus, none, plus, same, total } from './units.ts';

/** What one run makes of its batch: additions to the ledger as it was read, to be committed all or not at all. */
export type Decision = {
  readonly cursor: number;
  readonly tip: string;
  readonly time: number;
  readonly taken: Units;
  readonly returned: Units;
  readonly reservations: ReadonlyMap<string, Reservation>;
  readonly known: readonly string[];
  readonly journal: readonly JournalEvent[];
  readonly poisoned: boolean;
  /** The gate gave a unit that there is not. */
  readonly overdrawn: boolean;
};

export type Batch = {
  readonly entries: readonly Entry[];
  readonly reachedEnd: boolean;
  /** The entry that failed alone, and often enough. */
  readonly quarantined: string | undefined;
};

/** The entries in their order, then the holds that are due. `time` is the gate's, from the reading of the batch. */
export function decide(seen: Ledger, batch: Batch, time: number, shop: Shop, keep: Rules): Decision {
  const last = batch.entries.at(-1) ?? { seq: seen.cursor, tip: seen.tip };
  const known: string[] = [];
  const journal: JournalEvent[] = [];
  const rows = new Map(seen.reservations);
  const touched = new Map<string, Reservation>();
  let taken = none;
  let returned = none;
  let poisoned = false;
  let overdrawn = false;

  for (const entry of batch.entries) {
    const quarantined = entry.id === batch.quarantined;
    if (entry.poison && !quarantined) poisoned = true;
    apply(entry, quarantined);
  }
  if (batch.reachedEnd || !keep.has('expireAtEnd'))
    for (const [ticket, row] of rows) expireIfDue(ticket, row);
  return {
    cursor: last.seq,
    tip: last.tip,
    time,
    taken,
    returned,
    reservations: touched,
    known,
    journal,
    poisoned,
    overdrawn,
  };

  function apply(entry: Entry, quarantined: boolean): void {
    const row = rows.get(entry.ticket);
    const again = seen.known.has(entry.id) || known.includes(entry.id);
    if (again && (row === undefined || keep.has('commandOnce') || reserves(entry))) {
      handBack(entry, keep.has('duplicateBack'));
      if (row && reserves(entry)) tell(entry.ticket, row, row, entry, 'known', entry.claim);
      return;
    }
    known.push(entry.id);
    if (reserves(entry)) reserve(entry, quarantined);
    else if (entry.kind === 'grant') grant(entry, row);
    else if (row) answer(entry, row);
  }

  function answer(entry: Entry, row: Reservation): void {
    if (entry.kind === 'confirm') confirm(entry, row);
    else if (entry.kind === 'cancel') cancel(entry, row);
    else if (entry.kind === 'extend') extend(entry, row);
    else if (entry.kind === 'return' && row.status === 'confirmed') giveUp(entry, row, 'returned');
    else if (entry.kind === 'deny' && row.status === 'paid_late') move(entry, row, 'refund_due');
  }

  function reserve(entry: Entry, quarantined: boolean): void {
    const { buyer, lines, units } = entry;
    const row: Reservation = { buyer, lines, status: 'queued', version: 1, expiresAt: 0 };
    const reason = refusal(entry, quarantined);
    if (reason) {
      // What there never was cannot go back.
      if (exists(units)) handBack(entry, keep.has('rejectedBack'));
      else overdrawn = true;
      move(entry, row, 'rejected', {}, reason);
    } else if (same(units, none)) {
      move(entry, row, 'waitlisted');
    } else {
      taken = plus(taken, units);
      if (entry.kind === 'withdraw') move(entry, row, 'confirmed');
      else move(entry, row, 'held', { expiresAt: time + shop.holdTime });
    }
  }

  function refusal({ kind, buyer, lines, units }: Entry, quarantined: boolean): Reason | undefined {
    if (quarantined) return 'quarantined';
    const used = claimsIn({ ...seen, reservations: rows }, buyer);
    const over = buyer !== house && used + total(lines) > shop.perBuyerLimit;
    if (keep.has('ledgerLimit') && over) return 'limit_reached';
    if (!exists(units)) return 'sold_out';
    if (!same(units, none)) return undefined;
    if (kind === 'withdraw' || !shop.waitlist) return 'sold_out';
    return seen.status === 'closed' ? 'closed' : undefined;
  }

  function exists(units: Units): boolean {
    const ceiling = plus(seen.stock, plus(seen.returned, returned));
    const free = minus(ceiling, plus(seen.taken, taken));
    return !keep.has('ledgerStock') || same(units, none) || fits(units, free);
  }

  function grant(entry: Entry, row: Reservation | undefined): void {
    if (!exists(entry.units)) {
      overdrawn = true;
      return;
    }
    if (row?.status === 'waitlisted') {
      taken = plus(taken, entry.units);
      move(entry, row, 'held', { expiresAt: time + shop.holdTime });
    } else if (row?.status === 'paid_late') {
      taken = plus(taken, entry.units);
      move(entry, row, 'confirmed');
    } else {
      handBack(entry, keep.has('rejectedBack'));
      if (row) tell(entry.ticket, row, row, entry, 'known', entry.claim);
    }
  }

  function cancel(entry: Entry, row: Reservation): void {
    if (row.status === 'held') giveUp(entry, row, 'cancelled');
    else if (row.status === 'waitlisted') move(entry, row, 'cancelled');
  }

  function extend(entry: Entry, row: Reservation): void {
    if (row.status !== 'held' || entry.time > row.expiresAt) return;
    move(entry, row, 'held', { expiresAt: row.expiresAt + shop.holdTime });
  }

  function confirm(entry: Entry, row: Reservation): void {
    if (row.status === 'held' && entry.time <= row.expiresAt) {
      move(entry, row, 'confirmed');
      return;
    }
    expireIfDue(entry.ticket, row);
    const lapsed = rows.get(entry.ticket);
    if (lapsed?.status !== 'expired') return;
    if (keep.has('latePayersByGate')) move(entry, lapsed, 'paid_late');
    else giveFromTheLedger(entry, lapsed);
  }

  /** What the ledger must not do: give a late payer units without asking the gate. */
  function giveFromTheLedger(entry: Entry, row: Reservation): void {
    const free = minus(plus(seen.stock, plus(seen.returned, returned)), plus(seen.taken, taken));
    if (!fits(row.lines, free)) {
      move(entry, row, 'refund_due');
      return;
    }
    taken = plus(taken, row.lines);
    move(entry, row, 'confirmed');
  }

  function expireIfDue(ticket: string, row: Reservation): void {
    if (row.status === 'held' && row.expiresAt < time)
      giveUp({ id: undefined, ticket, time }, row, 'expired', 'lapsed');
  }

  function giveUp(cause: Cause, row: Reservation, status: Status, reason: Reason = 'asked'): void {
    returned = plus(returned, row.lines);
    move(cause, row, status, {}, reason);
    if (!keep.has('waitersByGate')) handOn(cause, row.lines);
  }

  /** What the ledger must not do: give a unit from one ticket to another. */
  function handOn(cause: Cause, units: Units): void {
    for (const [ticket, row] of rows) {
      if (row.status !== 'waitlisted' || !fits(row.lines, units)) continue;
      taken = plus(taken, row.lines);
      move({ ...cause, ticket }, row, 'held', { expiresAt: time + shop.holdTime });
      return;
    }
  }

  function handBack(entry: Entry, counted: boolean): void {
    taken = plus(taken, entry.units);
    if (counted) returned = plus(returned, entry.units);
  }

  function move(
    cause: Cause,
    row: Reservation,
    status: Status,
    changes: Partial<Reservation> = {},
    reason: Reason = 'asked',
  ): void {
    const next = { ...row, ...changes, status, version: row.version + 1 };
    const claimed = row.status === 'queued' || isClaim(row.status);
    tell(cause.ticket, row, next, cause, reason, claimed && !isClaim(status) ? total(row.lines) : 0);
  }

  function tell(
    ticket: string,
    row: Reservation,
    next: Reservation,
    cause: Cause,
    reason: Reason,
    units: number,
  ): void {
    rows.set(ticket, next);
    touched.set(ticket, next);
    journal.push({
      ticket,
      buyer: next.buyer,
      lines: next.lines,
      from: row.status,
      status: next.status,
      version: next.version,
      expiresAt: row.expiresAt,
      released: next.buyer === house ? 0 : units,
      entry: cause.id,
      sentAt: cause.time,
      reason,
      at: time,
      sale: seen.status,
    });
  }
}

type Cause = { readonly id: string | undefined; readonly ticket: string; readonly time: number };

const reserves = ({ kind }: Entry): boolean => kind === 'reserve' || kind === 'withdraw';
