import { throughout } from './commands.ts';
import type { Batch, Decision } from './decide.ts';
import { decide } from './decide.ts';
import type { Entry, Gate } from './gate.ts';
import { continues, look, rebuild, restore, settle, tipAfter } from './gate.ts';
import type { Ledger } from './ledger.ts';
import { begin, commit, fence, hangUp, mend, settlement } from './ledger.ts';
import type { Rules } from './rules.ts';
import type { Units } from './units.ts';
import { fits, minus, none, plus, sum, total } from './units.ts';
import type { World } from './world.ts';

/**
 * A commit run. Every `yield` lies between two effects: there the worker may be frozen while the others go on,
 * and wake later, or die and never come back.
 */
export type Run = Generator<Moment, void, void>;
export type Moment =
  | 'read'
  | 'looked'
  | 'locked'
  | 'committed'
  | 'choked'
  | 'suspected'
  | 'mended'
  | 'journal read'
  | 'settled'
  | 'refused'
  | 'fenced'
  | 'rebuilt'
  | 'rows read'
  | 'restored';

const entriesPerBatch = 2;
const outcomesPerSettlement = 2;
const triesOfOneEntry = 3;
const rowsPerPage = 2;

export function* commitRun(world: World, me: number): Run {
  const run = {};
  try {
    yield* passes(world, me, run);
  } finally {
    hangUp(world.database, run);
  }
}

function* passes(world: World, me: number, run: object): Run {
  const { shop, keep, database } = world;
  let atMost = entriesPerBatch;
  let tries = 0;

  for (let pass = 0; pass < throughout; pass++) {
    const early = keep.has('ledgerFirst') ? undefined : lookAt(world, me);
    if (early) yield 'looked';
    const seen = database.ledger;
    yield 'read';
    const gate = early ?? lookAt(world, me);
    if (gate && gate.epoch > seen.epoch) continue;
    if (!gate || !isNext(gate, seen, keep)) {
      yield* rebuildRun(world, me, seen, gate);
      continue;
    }
    const batch = batchOf(gate, seen, atMost, tries >= triesOfOneEntry);
    yield 'looked';
    const advice = advise(world, me, seen, gate, batch);
    if (advice.kind === 'again') continue;
    if (advice.kind === 'rebuild') {
      yield* rebuildRun(world, me, seen, gate);
      continue;
    }
    if (advice.kind === 'mend') {
      yield 'suspected';
      if (mendNow(world, me, run, seen, advice.leaked)) yield 'mended';
      continue;
    }

    const time = (): number => {
      const told = keep.has('gateClock') ? gate.time : world.clock;
      return keep.has('steadyRun') ? Math.max(told, seen.time) : told;
    };
    if (changes(seen, decide(seen, batch, time(), shop, keep))) {
      const begun = begin(database, run, seen, keep);
      if (begun === 'busy') return;
      if (begun === 'moved') continue;
      yield 'locked';
      const decision = decide(seen, batch, time(), shop, keep);
      const { overdrawn } = decision;
      const committed = commit(database, run, decision);
      if (committed === 'gone') continue;
      if (committed === 'choked') {
        if (batch.entries.length === 1) tries++;
        else atMost = Math.ceil(batch.entries.length / 2);
        yield 'choked';
        if (!keep.has('quarantine')) return;
        continue;
      }
      atMost = entriesPerBatch;
      tries = 0;
      if (overdrawn) {
        const after = database.ledger;
        yield 'committed';
        yield* rebuildRun(world, me, after, gate);
        continue;
      }
      yield 'committed';
    }

    let from = gate.journalCursor;
    let given = 0;
    do {
      const brought = settlement(database.ledger, from, outcomesPerSettlement, keep);
      yield 'journal read';
      const reached = world.gateOf(me);
      const settled = reached && settle(reached, brought, world.clock, shop, keep);
      if (settled?.answer !== 'settled') {
        yield 'refused';
        break;
      }
      given += settled.given;
      from = brought.to;
      yield 'settled';
    } while (from < database.ledger.journal.length);
    if (batch.reachedEnd && given === 0 && from >= database.ledger.journal.length) {
      if (world.gateOf(me)?.restoring !== undefined) yield* restoreRun(world, me, gate.epoch);
      return;
    }
  }
}

type Advice = { kind: 'nothing' | 'again' | 'rebuild' } | { kind: 'mend'; leaked: Units };

/**
 * The ledger at its cursor against the gate's counters and what the intake holds behind that cursor, all of one instant.
 * Only a second look that finds the same is acted upon.
 */
function advise({ keep, suspicions }: World, me: number, seen: Ledger, gate: Gate, batch: Batch): Advice {
  const atTheEnd = batch.reachedEnd && gate.journalCursor === seen.journal.length;
  if (keep.has('mendAtTheEnd') && !atTheEnd) return { kind: 'nothing' };
  const inIntake = sum(batch.entries.map(({ units }) => units));
  const leaked = minus(minus(gate.admitted, inIntake), seen.taken);
  const missing = minus(plus(seen.stock, seen.returned), gate.ceiling);
  const found = JSON.stringify([seen.epoch, leaked, missing]);
  const same = suspicions[me] === found || !keep.has('secondLook');
  suspicions[me] = undefined;
  if (!fits(none, leaked) || !fits(none, missing)) {
    if (!keep.has('rebuildTooHigh')) return { kind: 'nothing' };
    if (same) return { kind: 'rebuild' };
    suspicions[me] = found;
    return { kind: 'again' };
  }
  if (total(leaked) + total(missing) === 0 || !keep.has('mendLeaks')) return { kind: 'nothing' };
  if (same) return { kind: 'mend', leaked };
  suspicions[me] = found;
  return { kind: 'nothing' };
}

function mendNow(world: World, me: number, run: object, seen: Ledger, leaked: Units): boolean {
  const { database, keep } = world;
  if (!keep.has('mendByLedger')) {
    const gate = world.gateOf(me);
    if (gate) gate.ceiling = plus(gate.ceiling, leaked);
    return true;
  }
  // Who looked only once has nothing to compare the ledger with.
  if (begin(database, run, keep.has('secondLook') ? seen : database.ledger, keep) !== 'begun') return false;
  hangUp(database, run);
  world.noteMending(leaked);
  mend(database, leaked);
  return true;
}

function* rebuildRun(world: World, me: number, seen: Ledger, gate: Gate | undefined): Run {
  const fenced = fence(world.database, seen, gate?.epoch ?? 0, world.keep);
  // Whoever holds the row now, or came first, sees to it; the next pass finds out.
  if (fenced === 'moved' || fenced === 'busy') return yield 'refused';
  world.noteRebuild(me, seen, gate);
  yield 'fenced';
  const anew = rebuild(world.gateOf(me), fenced.ledger, fenced.epoch, world.clock, world.shop, world.keep);
  if (anew) world.replaceGate(me, anew);
  yield 'rebuilt';
}

/** All tickets, page by page, from where the gate is; not beside another worker who is at it. */
function* restoreRun(world: World, me: number, epoch: number): Run {
  const isAtIt = (other: number): boolean => other !== me && world.runs[other] !== undefined;
  if (world.restorer !== undefined && isAtIt(world.restorer)) return;
  world.restorer = me;
  let from = world.gateOf(me)?.restoring;
  while (from !== undefined) {
    const { reservations, journal } = world.database.ledger;
    const rows = [...reservations].slice(from, from + rowsPerPage);
    const page = { from, asOf: journal.length, rows, isLast: rows.length < rowsPerPage };
    yield 'rows read';
    const gate = world.gateOf(me);
    from = gate && restore(gate, epoch, page, world.keep) ? from + rows.length : undefined;
    yield 'restored';
  }
  world.restorer = undefined;
}

function lookAt(world: World, me: number): Gate | undefined {
  const gate = world.gateOf(me);
  return gate && look(gate, world.clock, world.keep);
}

/** Whether this gate's intake goes on, entry by entry, from where the ledger stands. */
function isNext(gate: Gate, seen: Ledger, keep: Rules): boolean {
  if (gate.epoch !== seen.epoch) return false;
  if (keep.has('checkAnchor') && !continues(gate, seen.epoch, seen.cursor, seen.tip)) return false;
  let { cursor, tip } = seen;
  for (const entry of beyond(gate, seen)) {
    if (entry.seq !== cursor + 1 || entry.tip !== tipAfter(tip, entry, keep)) return false;
    ({ seq: cursor, tip } = entry);
  }
  return true;
}

function batchOf(gate: Gate, seen: Ledger, atMost: number, givenUp: boolean): Batch {
  const all = beyond(gate, seen);
  const entries = all.slice(0, atMost);
  return {
    entries,
    reachedEnd: entries.length === all.length,
    quarantined: givenUp ? entries[0]?.id : undefined,
  };
}

const beyond = (gate: Gate, seen: Ledger): Entry[] => gate.intake.filter(({ seq }) => seq > seen.cursor);

const changes = (seen: Ledger, { cursor, journal }: Decision): boolean =>
  cursor > seen.cursor || journal.length > 0;
