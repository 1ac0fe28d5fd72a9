import type { Call, Command, Line, Schedule, Shop } from './commands.ts';
import { edges, throughout, workers } from './commands.ts';
import type { Admission, Entry, Gate, Request } from './gate.ts';
import { admit, command, copyOf, forget, house, openGate, read, requeue, stray } from './gate.ts';
import type { Violation } from './laws.ts';
import { broken } from './laws.ts';
import type { Database, Ledger } from './ledger.ts';
import { changeStatus, openDatabase, restock } from './ledger.ts';
import type { Rules } from './rules.ts';
import type { Units } from './units.ts';
import { fits, minus, none, same, sum } from './units.ts';
import type { Run } from './worker.ts';
import { commitRun } from './worker.ts';

export type World = {
  readonly shop: Shop;
  readonly keep: Rules;
  readonly database: Database;
  clock: number;
  /** The gate in charge; undefined when it was emptied. */
  gate: Gate | undefined;
  /** The old master, for as long as it goes on answering. */
  old: Gate | undefined;
  readonly edgeEpochs: number[];
  /** What each edge has acknowledged and not yet seen decided, by ticket, in the order of the line. */
  readonly memories: Map<string, Request>[];
  readonly runs: (Run | undefined)[];
  /** Who brings tickets back. */
  restorer: number | undefined;
  readonly lines: Line[];
  /** What each worker's last look at the counters found wrong. */
  readonly suspicions: (string | undefined)[];
  readonly issued: Request[];
  readonly unanswered: Request[];
  /** The gate in charge after each of its last writes. */
  history: Gate[];
  readonly witness: Witness;
  gateOf(worker: number): Gate | undefined;
  replaceGate(worker: number, anew: Gate): void;
  noteRebuild(worker: number, seen: Ledger, looked: Gate | undefined): void;
  noteMending(leaked: Units): void;
};

/** What an observer who sees everything has written down; no rule of the protocol may read it. */
export type Witness = {
  moments: number;
  /** Tickets that the gate in charge acknowledged and that no loss has taken since. */
  readonly promises: Map<string, TicketPromise>;
  /** Entries that were made while the gate was sound. */
  readonly soundEntries: Set<string>;
  readonly forgotten: Set<string>;
  /** Edges that acknowledged a ticket and live since. */
  readonly acknowledgedBy: Map<string, Set<number>>;
  /** The newest version of each ticket that could be read at a sound gate. */
  readonly told: Map<string, number>;
  readonly sentAt: Map<string, number>;
  /** Breaches that show only in the moment, by the name of their law. */
  readonly seen: Violation[];
  before: { gate: Gate | undefined; ledger: Ledger };
  rested: boolean;
};

/** A sound gate promises what it gave, and an order; one that has lost something only that the ledger will hear of it. */
export type TicketPromise = {
  readonly given: 'units' | 'a place' | 'a hearing';
  readonly sentAt: number;
  readonly acknowledgedAt: number;
};

const remembered = 8;
const roundsToRest = 30;

/** Plays the schedule, lets the dust settle, and says which laws were broken on the way and at the end. */
export function play(schedule: Schedule, keep: Rules): readonly Violation[] {
  const world = createWorld(schedule.shop, keep);
  for (const step of schedule.commands) {
    const violations = act(world, step);
    if (violations.length > 0) return violations;
  }
  return comeToRest(world);
}

export function createWorld(shop: Shop, keep: Rules): World {
  const gate = openGate(shop.stock);
  const database = openDatabase(shop.stock);
  const world: World = {
    shop,
    keep,
    database,
    clock: 1,
    gate,
    old: undefined,
    edgeEpochs: Array.from({ length: edges }, () => 1),
    memories: Array.from({ length: edges }, () => new Map()),
    runs: Array.from({ length: workers }, () => undefined),
    restorer: undefined,
    lines: Array.from({ length: workers }, () => 'current'),
    suspicions: Array.from({ length: workers }, () => undefined),
    issued: [],
    unanswered: [],
    history: [copyOf(gate)],
    witness: {
      moments: 0,
      promises: new Map(),
      soundEntries: new Set(),
      forgotten: new Set(),
      acknowledgedBy: new Map(),
      told: new Map(),
      sentAt: new Map(),
      seen: [],
      before: { gate: copyOf(gate), ledger: database.ledger },
      rested: false,
    },
    gateOf: (worker) => reach(world, world.lines[worker] ?? 'current'),
    replaceGate: (worker, anew) => replaceGate(world, world.lines[worker] ?? 'current', anew),
    noteMending: (leaked) => noteMending(world, leaked),
    noteRebuild: (worker, seen, looked) => {
      if (looked?.sound && looked.epoch === seen.epoch) {
        world.witness.seen.push({ law: 'a correct gate is never rebuilt', detail: `epoch ${looked.epoch}` });
      }
      // Whichever gate is swapped, the ledger no longer follows the one in charge until then.
      if (world.gate) world.gate.sound = false;
      if (world.lines[worker] === 'old') followTheOldMaster(world);
    },
  };
  return world;
}

/** One command, and which laws it broke. */
export function act(world: World, step: Command): readonly Violation[] {
  if (step.type === 'work') return work(world, step.worker % workers, step.steps, step.via);
  perform(world, step);
  return observe(world);
}

/** All faults end, one worker sweeps until nothing moves any more, and the laws of a sale at rest must hold. */
export function comeToRest(world: World): readonly Violation[] {
  world.old = undefined;
  for (let worker = 0; worker < workers; worker++) crash(world, worker);
  let quiet = 0;
  for (let round = 0; round < roundsToRest && quiet < 2; round++) {
    const before = stateOf(world);
    const violations = work(world, 0, throughout, 'current');
    if (violations.length > 0) return violations;
    crash(world, 0);
    // The swap of a rebuild is news to every edge.
    for (let edge = 0; edge < edges; edge++) if (world.gate) learn(world, edge, world.gate);
    quiet = before === stateOf(world) ? quiet + 1 : 0;
  }
  world.witness.rested = true;
  if (quiet < 2) world.witness.seen.push({ law: 'a sale comes to rest', detail: stateOf(world) });
  return observe(world);
}

function perform(world: World, step: Exclude<Command, { type: 'work' }>): void {
  const { database, issued, unanswered } = world;
  switch (step.type) {
    case 'reserve':
      send(world, issue(world, 'reserve', step), step);
      break;
    case 'withdraw':
      send(world, issue(world, 'withdraw', { ...step, buyer: house, poison: false }), step);
      break;
    case 'confirm':
    case 'cancel':
    case 'extend':
    case 'return': {
      const about = nth(issued.filter(isReserve), step.ticket);
      const id = `${step.type} ${++world.witness.moments}`;
      if (about) send(world, { ...about, kind: step.type, id, poison: false }, step);
      break;
    }
    case 'resend': {
      const [request] = unanswered.splice(step.call % Math.max(1, unanswered.length), 1);
      if (request) send(world, request, { ...step, reply: 'arrives' });
      break;
    }
    case 'repeat': {
      const request = nth(issued.filter(isReserve), step.ticket);
      if (request) send(world, request, { ...step, reply: 'arrives' });
      break;
    }
    case 'restock':
      restock(database, step.item === 0 ? [1, 0] : [0, 1]);
      break;
    case 'pause':
      changeStatus(database, 'paused');
      break;
    case 'open':
      changeStatus(database, 'open');
      break;
    case 'close':
      changeStatus(database, 'closed');
      break;
    case 'forget':
      forgetFinal(world);
      break;
    case 'tick':
      world.clock = Math.max(1, world.clock + step.by);
      break;
    case 'restart':
      world.memories[step.edge % edges]?.clear();
      for (const by of world.witness.acknowledgedBy.values()) by.delete(step.edge % edges);
      forgetPromises(world);
      break;
    case 'learn':
      if (world.gate) learn(world, step.edge % edges, world.gate);
      break;
    case 'crash':
      crash(world, step.worker % workers);
      world.suspicions[step.worker % workers] = undefined;
      break;
    case 'stray':
      goAstray(world, step);
      break;
    case 'timeout':
      database.lockedBy = undefined;
      break;
    case 'lose':
      lose(world, step.writes);
      break;
    case 'empty':
      become(world, undefined);
      break;
    case 'split':
      split(world, step.behind);
      break;
    case 'heal':
      world.old = undefined;
      break;
  }
}

function work(world: World, worker: number, steps: number, via: Line): readonly Violation[] {
  world.lines[worker] = via;
  world.runs[worker] ??= commitRun(world, worker);
  for (let step = 0; step < steps; step++) {
    const { done } = world.runs[worker].next();
    const violations = observe(world);
    if (violations.length > 0) return violations;
    if (done) {
      world.runs[worker] = undefined;
      break;
    }
  }
  return [];
}

function crash(world: World, worker: number): void {
  world.runs[worker]?.return();
  world.runs[worker] = undefined;
}

function issue(
  world: World,
  kind: 'reserve' | 'withdraw',
  { buyer, lines, poison }: Pick<Request, 'buyer' | 'lines' | 'poison'>,
): Request {
  const id = `${kind === 'reserve' ? 'T' : 'H'}${world.issued.length + 1}`;
  world.witness.sentAt.set(id, ++world.witness.moments);
  const request: Request = { kind, id, ticket: id, buyer, lines, poison };
  world.issued.push(request);
  return request;
}

function send(world: World, request: Request, call: Call): void {
  const gate = reach(world, call.via);
  const edge = call.edge % edges;
  if (!gate) return;
  const answer =
    isReserve(request) || request.kind === 'withdraw'
      ? admit(gate, world.edgeEpochs[edge] ?? 0, request, world.clock, world.shop, world.keep)
      : command(gate, world.edgeEpochs[edge] ?? 0, request, world.clock, world.keep);
  if (answer === 'wrong_epoch') learn(world, edge, gate);
  if ((answer === 'admitted' || answer === 'waitlisted') && call.reply === 'arrives')
    remember(world, edge, gate, request);
  note(world, gate, request, answer, call.reply);
  if (call.reply === 'lost') world.unanswered.push(request);
}

/**
 * The edge hears of a gate: what it has acknowledged is forgotten once it was seen decided, and gets its place again where
 * the gate does not know it. Neither an epoch nor a cursor could tell: an old master gives the same numbers.
 */
function learn(world: World, edge: number, gate: Gate): void {
  world.edgeEpochs[edge] = gate.epoch;
  const memory = world.memories[edge] ?? new Map<string, Request>();
  const lost: Request[] = [];
  for (const [ticket, request] of memory) {
    const seen = read(gate, ticket, world.keep);
    if (seen === 'unknown') lost.push(request);
    else if (seen !== 'not whole' && seen.status !== 'queued') memory.delete(ticket);
  }
  const waited = gate.sound && gate.waiting.size > 0;
  const admitted = gate.admitted;
  if (lost.length > 0) requeue(gate, gate.epoch, lost, world.clock, world.shop, world.keep);
  if (waited && !same(gate.admitted, admitted))
    world.witness.seen.push({ law: 'nobody walks past who waits', detail: 'from the memory of an edge' });
}

function remember(world: World, edge: number, gate: Gate, request: Request): void {
  if (request.kind !== 'reserve') return;
  const { promises, sentAt, acknowledgedBy } = world.witness;
  const { ticket } = request;
  acknowledgedBy.set(ticket, (acknowledgedBy.get(ticket) ?? new Set()).add(edge));
  // Whichever gate gave it.
  if (gate !== world.gate && !promises.has(ticket))
    promises.set(ticket, {
      given: 'a hearing',
      sentAt: sentAt.get(ticket) ?? 0,
      acknowledgedAt: ++world.witness.moments,
    });
  if (world.keep.has('edgeRemembers')) world.memories[edge]?.set(ticket, request);
}

function note(
  world: World,
  gate: Gate,
  request: Request,
  answer: Admission | 'accepted',
  reply: Call['reply'],
): void {
  const { witness } = world;
  const { ticket } = request;
  if (gate !== world.gate) return;
  const acknowledged = answer === 'admitted' || answer === 'waitlisted' || answer === 'repeat';
  if (answer === 'admitted' || answer === 'waitlisted' || answer === 'accepted') {
    if (gate.sound) witness.soundEntries.add(request.id);
    else witness.soundEntries.delete(request.id);
  }
  if (!isReserve(request) || witness.forgotten.has(ticket)) return;

  const refused = !acknowledged && answer !== 'wrong_epoch';
  // What only an edge remembers is on its way back to the gate.
  if (gate.sound && refused && witness.promises.has(ticket) && isInLog(world, ticket)) {
    witness.seen.push({ law: 'who asks again hears the same', detail: `${ticket}: ${answer}` });
  }
  if (gate.sound && answer === 'admitted') noteOvertaking(world, request);
  if (reply === 'lost' || !acknowledged || witness.promises.has(ticket)) return;
  const entry = gate.intake.find(({ id }) => id === ticket);
  const given =
    !entry || !witness.soundEntries.has(ticket) ? 'a hearing' : same(entry.units, none) ? 'a place' : 'units';
  const sentAt = witness.sentAt.get(ticket) ?? 0;
  witness.promises.set(ticket, { given, sentAt, acknowledgedAt: ++witness.moments });
}

/** Somebody was given units: did anybody who was told to wait, before this one even asked, still wait? */
function noteOvertaking({ witness, database, gate }: World, { ticket }: Request): void {
  for (const [other, promise] of witness.promises) {
    if (promise.given !== 'a place' || promise.acknowledgedAt > (witness.sentAt.get(ticket) ?? 0)) continue;
    const status = database.ledger.reservations.get(other)?.status ?? 'waitlisted';
    const pending = gate?.intake.some((entry) => entry.ticket === other && entry.kind !== 'reserve');
    if (status === 'waitlisted' && !pending && database.ledger.status !== 'closed') {
      witness.seen.push({ law: 'nobody walks past who waits', detail: `${ticket} past ${other}` });
    }
  }
}

function forgetFinal(world: World): void {
  if (!world.gate) return;
  const before = new Set(world.gate.tickets.keys());
  forget(world.gate);
  for (const ticket of before) if (!world.gate.tickets.has(ticket)) world.witness.forgotten.add(ticket);
}

function reach(world: World, line: Line): Gate | undefined {
  return line === 'old' && world.old ? world.old : world.gate;
}

function replaceGate(world: World, line: Line, anew: Gate): void {
  if (line === 'old' && world.old) {
    world.old = anew;
    followTheOldMaster(world);
    return;
  }
  // A rebuild that slept while the gate was rebuilt and emptied again swaps in what an older epoch knew: it sells until it
  // is noticed, as any gate that lost its memory does. (The real swap refuses: the mark of its own closing is gone.)
  world.gate = { ...anew, sound: anew.epoch === world.database.ledger.epoch };
}

/** With two masters and workers that reach both, neither what the other one gave nor its deadlines can be kept. */
function followTheOldMaster({ old, witness }: World): void {
  if (!old) return;
  witness.soundEntries.clear();
  for (const [ticket, promise] of witness.promises)
    witness.promises.set(ticket, { ...promise, given: 'a hearing' });
}

function lose(world: World, writes: number): void {
  const left = world.history.at(-1 - writes) ?? world.history[0];
  if (left && world.gate) become(world, copyOf(left));
}

function split(world: World, behind: number): void {
  if (!world.gate || world.old) return;
  world.old = { ...copyOf(world.gate), sound: false };
  if (behind === 0) become(world, copyOf(world.gate));
  else lose(world, behind);
}

/** Whoever mends changes the ledger for what the gate in charge has lost, and for nothing else. */
function noteMending({ gate, database, witness }: World, leaked: Units): void {
  if (!gate?.sound || gate.epoch !== database.ledger.epoch) return;
  const way = sum(gate.intake.filter(({ seq }) => seq > database.ledger.cursor).map(({ units }) => units));
  const lost = minus(minus(gate.admitted, way), database.ledger.taken);
  if (!fits(leaked, lost))
    witness.seen.push({ law: 'only what is lost is mended', detail: `${leaked} of ${lost}` });
  gate.stray = minus(gate.stray, leaked);
}

/** A gate that offers less is as sound as before; what one gives that offers more, nobody can promise. */
function goAstray(world: World, { counter, item, by }: Extract<Command, { type: 'stray' }>): void {
  const { gate, witness } = world;
  if (!gate) return;
  const less = (counter === 'admitted') === by > 0;
  const units: Units = item === 0 ? [by, 0] : [0, by];
  if (!fits(none, minus(gate.ceiling, gate.admitted)) || (less && !hasRoom(gate, item))) return;
  stray(gate, counter, units);
  if (!less) become(world, copyOf(gate));
  witness.before = { ...witness.before, gate: copyOf(gate) };
}

const hasRoom = (gate: Gate, item: 0 | 1): boolean => gate.ceiling[item] > gate.admitted[item];

/** The gate in charge is from now on what is left of it. */
function become(world: World, left: Gate | undefined): void {
  world.gate = left && { ...left, sound: false };
  world.history = left ? [copyOf(left)] : [];
  world.witness.before = { ...world.witness.before, gate: left && copyOf(left) };
  const kept = (entry: string): boolean =>
    world.database.ledger.known.has(entry) || (left?.intake.some(({ id }) => id === entry) ?? false);
  for (const [ticket, promise] of world.witness.promises)
    if (!kept(ticket)) world.witness.promises.set(ticket, { ...promise, given: 'a hearing' });
  forgetPromises(world);
  for (const entry of world.witness.soundEntries) if (!kept(entry)) world.witness.soundEntries.delete(entry);
}

/** A promise ends when neither a log nor an edge knows of it any more. */
function forgetPromises(world: World): void {
  const { witness } = world;
  for (const ticket of witness.promises.keys()) {
    const isRemembered = (witness.acknowledgedBy.get(ticket)?.size ?? 0) > 0;
    if (!isInLog(world, ticket) && !isRemembered) witness.promises.delete(ticket);
  }
}

function isInLog({ gate, database }: World, ticket: string): boolean {
  return database.ledger.known.has(ticket) || (gate?.intake.some(({ id }) => id === ticket) ?? false);
}

function observe(world: World): readonly Violation[] {
  const { gate, database, witness, history } = world;
  const violations = broken(world);
  if (gate && (gate.writes !== history.at(-1)?.writes || gate.epoch !== history.at(-1)?.epoch)) {
    history.push(copyOf(gate));
    if (history.length > remembered) history.shift();
  }
  noteReading(world);
  witness.before = { gate: history.at(-1), ledger: database.ledger };
  return violations;
}

/** Everybody looks at their ticket, all the time. */
function noteReading({ gate, database: { ledger }, witness, keep }: World): void {
  if (!gate?.sound || gate.epoch !== ledger.epoch) return;
  for (const ticket of ledger.reservations.keys()) {
    const seen = read(gate, ticket, keep);
    if (typeof seen === 'object' && !witness.forgotten.has(ticket))
      witness.told.set(ticket, Math.max(seen.version, witness.told.get(ticket) ?? 0));
  }
}

function stateOf({ database, gate }: World): string {
  const { revision, cursor, journal } = database.ledger;
  const { epoch, seq, ceiling, journalCursor, intake } = gate ?? {};
  return JSON.stringify([
    revision,
    cursor,
    journal.length,
    epoch,
    seq,
    ceiling,
    journalCursor,
    intake?.length,
  ]);
}

const isReserve = ({ kind }: Pick<Entry, 'kind'>): boolean => kind === 'reserve';
const nth = <Item>(items: readonly Item[], n: number): Item | undefined =>
  items[n % Math.max(1, items.length)];
