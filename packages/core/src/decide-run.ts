import { commandOf, decide, type Rules } from './decide.ts';
import { type CommandEntry, type IntakeEntry, isReserve, type ReserveEntry } from './entry.ts';
import { evolve } from './evolve.ts';
import type { EventData, NewEvent, PackedLine } from './journal.ts';
import type { RefusalCode } from './refusal.ts';
import {
  countsForBuyer,
  holdsUnits,
  house,
  type Line,
  type Reservation,
  unitsOf,
  waits,
} from './reservation.ts';
import { ceilingOf, type Counters } from './sale.ts';

/** What one commit run knows before it decides; everything was read at one revision of the ledger. */
export interface RunInput {
  saleId: string;
  epoch: number;
  rules: Rules & { perBuyerLimit: number | null; waitlist: boolean };
  items: ReadonlyMap<string, Counters>;
  /** The reservations that the commands of this batch name, and the holds that are due. Unknown tickets are absent. */
  reservations: ReadonlyMap<string, Reservation>;
  /** Units that count against the limit, per buyer of this batch; needed only with `perBuyerLimit`. */
  used: ReadonlyMap<string, number>;
  /** Ticket ids of this batch that the ledger already has. */
  known: ReadonlySet<string>;
}

/** What one commit run writes, in the one transaction of packages/ledger/src/commit-run.ts. */
export interface RunResult {
  inserted: Reservation[];
  updated: Reservation[];
  events: NewEvent[];
  /** Units to add per sku; both counters of an item only grow. */
  taken: Map<string, number>;
  returned: Map<string, number>;
  /** Units that left the sale for the house, per sku. */
  withdrawn: Map<string, number>;
  /** Units given back per buyer. */
  released: Map<string, number>;
  /** By how much the number of those who wait for units changes: waitlisted tickets and late payers. */
  waiting: number;
  /** The gate gave a unit that the ledger had given before: it lost memory, and must be rebuilt. */
  overdrawn: boolean;
}

/**
 * Decides a batch of intake entries in order, then the holds in `due` (tickets whose deadline has passed; only given
 * when the read reached the intake's end). Pure. `now` is the gate's time of the read, epoch milliseconds.
 * Every entry adds the units that the gate admitted for it to `taken`; a refused one adds them to `returned` as well,
 * so that nothing leaks and the ceiling rule always holds.
 */
export function decideRun(
  input: RunInput,
  entries: readonly IntakeEntry[],
  due: readonly string[],
  now: number,
): RunResult {
  const run = begin(input, now);
  for (const entry of entries) {
    if (isReserve(entry)) reserve(run, entry);
    else command(run, entry);
  }
  for (const ticketId of due) expire(run, ticketId);
  return finish(run);
}

interface Run extends RunResult {
  input: RunInput;
  now: number;
  inserts: Map<string, Reservation>;
  updates: Map<string, Reservation>;
  used: Map<string, number>;
}

function begin(input: RunInput, now: number): Run {
  return {
    input,
    now,
    inserts: new Map(),
    updates: new Map(),
    used: new Map(input.used),
    inserted: [],
    updated: [],
    events: [],
    taken: new Map(),
    returned: new Map(),
    withdrawn: new Map(),
    released: new Map(),
    waiting: 0,
    overdrawn: false,
  };
}

function finish(run: Run): RunResult {
  const { events, taken, returned, withdrawn, released, waiting, overdrawn } = run;
  return {
    inserted: [...run.inserts.values()],
    updated: [...run.updates.values()],
    events,
    taken,
    returned,
    withdrawn,
    released,
    waiting,
    overdrawn,
  };
}

function reserve(run: Run, entry: ReserveEntry): void {
  const { input, now } = run;
  if (input.known.has(entry.ticketId) || run.inserts.has(entry.ticketId)) {
    run.events.push(
      eventOf('handed_back', entry.ticketId, { lines: entry.admitted ? pack(entry.lines) : [] }, now),
    );
    if (entry.admitted) handBack(run, entry.lines);
    // The gate had forgotten the ticket, so it counted its units against the buyer's limit again.
    release(run, entry.buyerId, unitsOf(entry.lines));
    return;
  }
  const units = unitsOf(entry.lines);
  const refusal = refusalOf(run, entry, units);
  if (refusal !== null) {
    if (entry.admitted && refusal.unitsExist) handBack(run, entry.lines);
    if (!refusal.unitsExist) run.overdrawn = true;
    release(run, entry.buyerId, units);
    insert(run, entry, 'rejected', null, refusal.code);
    return;
  }
  use(run, entry.buyerId, units);
  if (!entry.admitted) {
    insert(run, entry, 'waitlisted', null, null);
    return;
  }
  count(run.taken, entry.lines);
  if (entry.kind === 'withdraw') {
    count(run.withdrawn, entry.lines);
    insert(run, entry, 'withdrawn', null, null);
  } else insert(run, entry, 'held', now + input.rules.holdSeconds * 1000, null);
}

function refusalOf(
  run: Run,
  entry: ReserveEntry,
  units: number,
): { code: RefusalCode; unitsExist: boolean } | null {
  const { rules } = run.input;
  if (entry.admitted && !unitsExist(run, entry.lines)) return { code: 'sold_out', unitsExist: false };
  const limit = entry.buyerId === house ? null : rules.perBuyerLimit;
  if (limit !== null && (run.used.get(entry.buyerId) ?? 0) + units > limit)
    return { code: 'limit_reached', unitsExist: true };
  if (!entry.admitted && (entry.kind === 'withdraw' || !rules.waitlist))
    return { code: 'sold_out', unitsExist: true };
  return null;
}

/** False only after the gate lost memory and gave a unit that the ledger had given before: the CHECK would refuse it. */
function unitsExist(run: Run, lines: readonly Line[]): boolean {
  for (const { sku, quantity } of lines) {
    const counters = run.input.items.get(sku);
    if (counters === undefined) return false;
    const taken = counters.taken + (run.taken.get(sku) ?? 0);
    if (taken + quantity > ceilingOf(counters) + (run.returned.get(sku) ?? 0)) return false;
  }
  return true;
}

function command(run: Run, entry: CommandEntry): void {
  const reservation = currently(run, entry.ticketId);
  if (reservation === undefined) return;
  const granted = entry.kind === 'grant' && entry.admitted;
  if (granted && !unitsExist(run, reservation.lines)) {
    run.overdrawn = true;
    return;
  }
  const events = decide(commandOf(entry), reservation, run.input.rules, run.now);
  // The units that the gate took for a grant become the reservation's; when nothing came of it they go back.
  const given = events.some((event) => event.type === 'held' || event.type === 'confirmed');
  if (granted && given) count(run.taken, reservation.lines);
  if (granted && !given) {
    run.events.push(eventOf('handed_back', entry.ticketId, { lines: pack(reservation.lines) }, run.now));
    handBack(run, reservation.lines);
    // A late payer's units were claimed anew at the gate; one who waits still has the claim of the ticket.
    if (entry.reason === 'late') release(run, reservation.buyerId, unitsOf(reservation.lines));
  }
  apply(run, reservation, events);
}

function expire(run: Run, ticketId: string): void {
  const reservation = currently(run, ticketId);
  if (reservation === undefined) return;
  const clock = { kind: 'expire', id: null, at: run.now, paymentRef: null, seconds: null } as const;
  apply(run, reservation, decide(clock, reservation, run.input.rules, run.now));
}

function apply(run: Run, before: Reservation, events: readonly NewEvent[]): void {
  let reservation = before;
  for (const event of events) {
    const next = evolve(reservation, event);
    if (holdsUnits(reservation.status) && !holdsUnits(next.status)) count(run.returned, reservation.lines);
    const step = (countsForBuyer(next.status) ? 1 : 0) - (countsForBuyer(reservation.status) ? 1 : 0);
    if (step !== 0) use(run, reservation.buyerId, step * unitsOf(reservation.lines));
    run.waiting += (waits(next.status) ? 1 : 0) - (waits(reservation.status) ? 1 : 0);
    if (step < 0) release(run, reservation.buyerId, unitsOf(reservation.lines));
    reservation = next;
    run.events.push(event);
  }
  if (events.length === 0) return;
  if (run.inserts.has(reservation.ticketId)) run.inserts.set(reservation.ticketId, reservation);
  else run.updates.set(reservation.ticketId, reservation);
}

function currently(run: Run, ticketId: string): Reservation | undefined {
  return run.inserts.get(ticketId) ?? run.updates.get(ticketId) ?? run.input.reservations.get(ticketId);
}

function insert(
  run: Run,
  entry: ReserveEntry,
  type: 'held' | 'waitlisted' | 'rejected' | 'withdrawn',
  expiresAt: number | null,
  reason: RefusalCode | null,
): void {
  const data: EventData = {
    lines: pack(entry.lines),
    seq: entry.seq,
    epoch: run.input.epoch,
    tip: entry.tip,
  };
  if (expiresAt !== null) data.expiresAt = expiresAt;
  if (reason !== null) data.reason = reason;
  run.events.push(eventOf(type, entry.ticketId, data, run.now));
  if (type === 'waitlisted') run.waiting++;
  run.inserts.set(entry.ticketId, {
    ticketId: entry.ticketId,
    saleId: run.input.saleId,
    seq: entry.seq,
    epoch: run.input.epoch,
    buyerId: entry.buyerId,
    idempotencyKey: entry.idempotencyKey,
    fingerprint: entry.fingerprint,
    lines: entry.lines,
    status: type === 'withdrawn' ? 'confirmed' : type,
    // The gate showed version 1, queued.
    version: 2,
    reservedAt: entry.at,
    expiresAt,
    confirmedAt: type === 'withdrawn' ? run.now : null,
    paymentRef: null,
    reason,
    extensions: 0,
    extendedSeconds: 0,
    tip: entry.tip,
    outcomes: {},
  });
}

function eventOf(type: NewEvent['type'], ticketId: string, data: EventData, at: number): NewEvent {
  return { type, ticketId, commandId: null, data, at };
}

function pack(lines: readonly Line[]): PackedLine[] {
  return lines.map(({ sku, quantity, unitPriceMinor }) => [sku, quantity, unitPriceMinor]);
}

function handBack(run: Run, lines: readonly Line[]): void {
  count(run.taken, lines);
  count(run.returned, lines);
}

function release(run: Run, buyerId: string, units: number): void {
  if (buyerId === house) return;
  run.released.set(buyerId, (run.released.get(buyerId) ?? 0) + units);
}

function use(run: Run, buyerId: string, units: number): void {
  if (run.input.rules.perBuyerLimit === null || buyerId === house) return;
  run.used.set(buyerId, (run.used.get(buyerId) ?? 0) + units);
}

function count(counters: Map<string, number>, lines: readonly Line[]): void {
  for (const { sku, quantity } of lines) counters.set(sku, (counters.get(sku) ?? 0) + quantity);
}
