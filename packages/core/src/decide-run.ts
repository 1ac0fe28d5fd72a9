import { commandOf, decide, type Rules } from './decide.ts';
import {
  type CommandEntry,
  type IntakeEntry,
  isReserve,
  type PlaceEntry,
  type ReserveEntry,
  type UnreadableEntry,
} from './entry.ts';
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
import { ceilingOf, type Counters, type Draw, endedBy, newcomerRefusals, type SaleStatus } from './sale.ts';
import { parseTicketId } from './ticket.ts';
import { createTallies, type Tallies, type Tally } from './tally.ts';

/** What one commit run knows before it decides; everything was read at one revision of the ledger. */
export interface RunInput {
  saleId: string;
  epoch: number;
  rules: Rules & {
    perBuyerLimit: number | null;
    waitlist: boolean;
    /** Looked at for a sale with a lobby, and for one that is over. */
    status?: SaleStatus;
    draw?: Draw;
  };
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
  /** Members of the lobby among `updated` that got the place in line that was drawn. */
  placed: Reservation[];
  /** The last number of the draw that this run decided; 0 when there was none. */
  drawnTo: number;
  /** What statistics add up. */
  tallies: Tally[];
  /** The gate gave a unit that the ledger had given before: it lost memory, and must be rebuilt. */
  overdrawn: boolean;
}

/**
 * Decides a batch of intake entries in order, then the holds in `due` (tickets whose deadline has passed), then what a
 * sale that is over has to end; both only given when the read reached the intake's end. Pure. `now` is the gate's time of the read, epoch milliseconds.
 * Every entry adds the units that the gate admitted for it to `taken`; a refused one adds them to `returned` as well,
 * so that nothing leaks and the ceiling rule always holds.
 */
export function decideRun(
  input: RunInput,
  entries: readonly IntakeEntry[],
  due: readonly string[],
  now: number,
  ending: readonly string[] = [],
): RunResult {
  const run = begin(input, now);
  for (const entry of entries) {
    if (isReserve(entry)) reserve(run, entry);
    else if (entry.kind === 'place') place(run, entry);
    else command(run, entry);
  }
  for (const ticketId of due) byItself(run, 'expire', ticketId);
  // A grant of this very batch may have led on from the state that had to end.
  const toEnd = endedBy[input.rules.status ?? 'open'] ?? [];
  for (const ticketId of ending) {
    const status = currently(run, ticketId)?.status;
    if (status !== undefined && toEnd.includes(status)) byItself(run, 'end', ticketId);
  }
  return finish(run);
}

/**
 * Moves the deadlines of these holds by `seconds`, by the merchant's command: a payment outage is nobody's fault. A hold
 * that is over at `now`, or that has had this command, stays as it is.
 */
export function prolongHolds(input: RunInput, commandId: string, seconds: number, now: number): RunResult {
  const run = begin(input, now);
  for (const hold of input.reservations.values()) {
    if (hold.status !== 'held' || hold.expiresAt === null || hold.expiresAt < now) continue;
    if (hold.outcomes[commandId] !== undefined) continue;
    const data: EventData = { expiresAt: hold.expiresAt + seconds * 1000, seconds };
    apply(run, hold, [{ type: 'prolonged', ticketId: hold.ticketId, commandId, data, at: now }]);
  }
  return finish(run);
}

/**
 * Takes one entry out of the line: its units go back, and its ticket, if it has one that can be read, is told. What is
 * written fits whatever made the entry unfit: text of its own goes in only where it is plain. `commandId` is null for one
 * that cannot be told. The journal has where it stood and its digest, and not what it said.
 */
export function quarantineEntry(
  input: RunInput,
  entry: IntakeEntry | UnreadableEntry,
  digest: string,
  now: number,
): RunResult {
  const run = begin(input, now);
  const known = 'kind' in entry ? entry : null;
  const ticketId = plainTicketId(entry.ticketId, input.saleId);
  const row = ticketId === null ? undefined : input.reservations.get(ticketId);
  const lines = plainLines(run, known === null ? entry : known, row);
  const taken = known === null || known.admitted ? lines : [];
  run.events.push({
    type: 'quarantined',
    ticketId: null,
    commandId: null,
    data: { seq: entry.seq, epoch: input.epoch, digest, ...(taken.length > 0 && { lines: pack(taken) }) },
    at: now,
  });
  handBack(run, taken);
  if (ticketId === null) return finish(run);
  if (known === null || isReserve(known)) {
    const { kind, buyer } =
      known === null
        ? { kind: 'reserve' as const, buyer: '' }
        : { kind: known.kind, buyer: known.kind === 'withdraw' ? house : known.buyerId };
    const isHouse = kind === 'withdraw';
    const buyerId = isHouse || isPlain(buyer) ? buyer : `quarantined.${input.epoch}.${entry.seq}`;
    if (kind !== 'join' && buyerId === buyer) release(run, buyerId, unitsOf(lines));
    if (row !== undefined || input.known.has(ticketId)) return finish(run);
    const { seq, tip } = entry;
    const at = isTime(entry.at) ? entry.at : now;
    const shown = { seq, tip, at, id: ticketId, ticketId, admitted: false, kind, buyerId, lines };
    insert(run, { ...shown, idempotencyKey: null, fingerprint: null }, 'rejected', null, 'quarantined');
    return finish(run);
  }
  if (known.kind === 'place') {
    run.drawnTo = known.number;
    if (row?.status !== 'lobby') return finish(run);
    release(run, row.buyerId, unitsOf(lines));
    const data = { ...placeData(run, known, null, 'quarantined'), place: known.number };
    const event = eventOf('rejected', ticketId, data, now);
    run.events.push(event);
    const after = evolve(row, event);
    run.places.add(ticketId);
    run.updates.set(ticketId, after);
    tally(run, row, after);
    return finish(run);
  }
  if (row === undefined) return finish(run);
  if (known.kind === 'grant' && known.reason === 'late') release(run, row.buyerId, unitsOf(row.lines));
  const commandId = isPlain(known.id) ? known.id : null;
  apply(run, row, [{ type: 'refused', ticketId, commandId, data: { reason: 'quarantined' }, at: now }]);
  return finish(run);
}

/** The text of a person or a command that both stores and every reader take. */
function isPlain(text: string): boolean {
  return text !== '' && text.length <= 255 && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

function plainTicketId(ticketId: string | null, saleId: string): string | null {
  return ticketId !== null && parseTicketId(ticketId)?.saleId === saleId ? ticketId : null;
}

/** A quantity is an `integer` of the ledger's. */
const mostUnits = 2 ** 31 - 1;

function plainLines(run: Run, entry: IntakeEntry | UnreadableEntry, row: Reservation | undefined): Line[] {
  const lines = 'lines' in entry ? entry.lines : (row?.lines ?? []);
  return lines
    .filter(({ sku, quantity }) => {
      const isUnits = Number.isSafeInteger(quantity) && quantity > 0 && quantity <= mostUnits;
      return run.input.items.has(sku) && isUnits;
    })
    .map((line) => (Number.isSafeInteger(line.unitPriceMinor) ? line : { ...line, unitPriceMinor: 0 }));
}

/** Until the year 2200. */
const latestTime = 7_258_118_400_000;

function isTime(at: number | null): at is number {
  return at !== null && Number.isSafeInteger(at) && at > 0 && at < latestTime;
}

interface Run extends Omit<RunResult, 'tallies'> {
  input: RunInput;
  tallies: Tallies;
  now: number;
  inserts: Map<string, Reservation>;
  updates: Map<string, Reservation>;
  places: Set<string>;
  used: Map<string, number>;
}

function begin(input: RunInput, now: number): Run {
  return {
    input,
    now,
    inserts: new Map(),
    updates: new Map(),
    places: new Set(),
    used: new Map(input.used),
    inserted: [],
    updated: [],
    events: [],
    taken: new Map(),
    returned: new Map(),
    withdrawn: new Map(),
    released: new Map(),
    waiting: 0,
    placed: [],
    drawnTo: 0,
    tallies: createTallies(),
    overdrawn: false,
  };
}

function finish(run: Run): RunResult {
  const { events, taken, returned, withdrawn, released, waiting, drawnTo, overdrawn } = run;
  return {
    inserted: [...run.inserts.values()],
    updated: [...run.updates.values()],
    placed: [...run.places].flatMap((ticketId) => run.updates.get(ticketId) ?? []),
    events,
    taken,
    returned,
    withdrawn,
    released,
    waiting,
    drawnTo,
    tallies: run.tallies.list(),
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
    if (entry.kind !== 'join') release(run, entry.buyerId, unitsOf(entry.lines));
    return;
  }
  if (entry.kind === 'join') return join(run, entry);
  const { type, reason, expiresAt } = takePlace(run, entry);
  insert(run, entry, type, expiresAt, reason);
}

/** The gate judges whether the lobby is open; the ledger only knows when it no longer is. */
function join(run: Run, entry: ReserveEntry): void {
  const { status = 'lobby', draw } = run.input.rules;
  const isOpen = status === 'lobby' && (draw?.result ?? null) === null;
  insert(run, entry, isOpen ? 'joined' : 'rejected', null, isOpen ? null : 'closed');
}

function place(run: Run, entry: PlaceEntry): void {
  run.drawnTo = Math.max(run.drawnTo, entry.number);
  const before = currently(run, entry.ticketId);
  if (before === undefined || before.status !== 'lobby') {
    if (entry.admitted) {
      run.events.push(eventOf('handed_back', entry.ticketId, { lines: pack(entry.lines) }, run.now));
      handBack(run, entry.lines);
    }
    release(run, entry.buyerId, unitsOf(entry.lines));
    return;
  }
  const { type, reason, expiresAt } = takePlace(run, entry);
  const data: EventData = { ...placeData(run, entry, expiresAt, reason), place: entry.number };
  const event = eventOf(type, entry.ticketId, data, run.now);
  run.events.push(event);
  if (type === 'waitlisted') run.waiting++;
  run.places.add(entry.ticketId);
  const after = evolve(before, event);
  tally(run, before, after);
  if (type === 'held') run.tallies.queued(run.now - entry.at);
  // Joined and drawn in one batch only after a rebuild that carried both over.
  if (run.inserts.has(entry.ticketId)) run.inserts.set(entry.ticketId, after);
  else run.updates.set(entry.ticketId, after);
}

interface Taken {
  type: 'held' | 'waitlisted' | 'rejected' | 'withdrawn';
  reason: RefusalCode | null;
  expiresAt: number | null;
}

/** What one who reaches the head of the line gets; units and limits are counted here. */
function takePlace(run: Run, entry: ReserveEntry | PlaceEntry): Taken {
  const units = unitsOf(entry.lines);
  const refusal = refusalOf(run, entry, units);
  if (refusal !== null) {
    if (entry.admitted && refusal.unitsExist) handBack(run, entry.lines);
    if (!refusal.unitsExist) run.overdrawn = true;
    release(run, entry.buyerId, units);
    return { type: 'rejected', reason: refusal.code, expiresAt: null };
  }
  use(run, entry.buyerId, units);
  if (!entry.admitted) return { type: 'waitlisted', reason: null, expiresAt: null };
  count(run.taken, entry.lines);
  if (entry.kind === 'withdraw') {
    count(run.withdrawn, entry.lines);
    return { type: 'withdrawn', reason: null, expiresAt: null };
  }
  return { type: 'held', reason: null, expiresAt: run.now + run.input.rules.holdSeconds * 1000 };
}

function refusalOf(
  run: Run,
  entry: ReserveEntry | PlaceEntry,
  units: number,
): { code: RefusalCode; unitsExist: boolean } | null {
  const { rules } = run.input;
  // A lobby whose sale ended is drawn all the same, so that everyone in it is told.
  if (entry.kind === 'place' && rules.status !== undefined && newcomerRefusals[rules.status] === 'closed')
    return { code: 'closed', unitsExist: true };
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

/** A command that nobody sent: the clock's, or that of a sale that is over. */
function byItself(run: Run, kind: 'expire' | 'end', ticketId: string): void {
  const reservation = currently(run, ticketId);
  if (reservation === undefined) return;
  const command = { kind, id: null, at: run.now, paymentRef: null, seconds: null };
  apply(run, reservation, decide(command, reservation, run.input.rules, run.now));
}

function apply(run: Run, before: Reservation, events: readonly NewEvent[]): void {
  let reservation = before;
  for (const event of events) {
    const next = evolve(reservation, event);
    tally(run, reservation, next);
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
  type: Taken['type'] | 'joined',
  expiresAt: number | null,
  reason: RefusalCode | null,
): void {
  const data: EventData = { lines: pack(entry.lines), ...placeData(run, entry, expiresAt, reason) };
  run.events.push(eventOf(type, entry.ticketId, data, run.now));
  if (type === 'waitlisted') run.waiting++;
  const inserted: Reservation = {
    ticketId: entry.ticketId,
    saleId: run.input.saleId,
    seq: entry.seq,
    epoch: run.input.epoch,
    buyerId: entry.buyerId,
    idempotencyKey: entry.idempotencyKey,
    fingerprint: entry.fingerprint,
    lines: entry.lines,
    status: insertedStatus[type],
    // The gate showed version 1: queued, or in the lobby, where nothing is decided yet.
    version: type === 'joined' ? 1 : 2,
    reservedAt: entry.at,
    heldAt: type === 'held' ? run.now : null,
    expiresAt,
    confirmedAt: type === 'withdrawn' ? run.now : null,
    paymentRef: null,
    reason,
    extensions: 0,
    extendedSeconds: 0,
    tip: entry.tip,
    outcomes: {},
  };
  run.inserts.set(entry.ticketId, inserted);
  tally(run, null, inserted);
  if (type === 'held') run.tallies.queued(run.now - entry.at);
}

function tally(run: Run, before: Reservation | null, after: Reservation): void {
  const { status, reason, heldAt, confirmedAt } = after;
  if (before?.status === status) return;
  run.tallies.moved(before?.status ?? null, after);
  if (status === 'rejected') run.tallies.rejected(reason ?? 'sold_out');
  if (before?.status === 'held' && status === 'confirmed' && heldAt !== null && confirmedAt !== null)
    run.tallies.held(confirmedAt - heldAt);
}

const insertedStatus = {
  held: 'held',
  waitlisted: 'waitlisted',
  rejected: 'rejected',
  withdrawn: 'confirmed',
  joined: 'lobby',
} as const;

/** Place in line, and what came of it. */
function placeData(
  run: Run,
  { seq, tip }: ReserveEntry | PlaceEntry,
  expiresAt: number | null,
  reason: RefusalCode | null,
): EventData {
  const data: EventData = { seq, epoch: run.input.epoch, tip };
  if (expiresAt !== null) data.expiresAt = expiresAt;
  if (reason !== null) data.reason = reason;
  return data;
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
