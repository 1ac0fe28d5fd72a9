import { hash } from 'node:crypto';
import type { Shop } from './commands.ts';
import type { Ledger, SaleStatus, Status } from './ledger.ts';
import { isClaim, isFinal } from './ledger.ts';
import type { Rules } from './rules.ts';
import type { Units } from './units.ts';
import { fits, highest, minus, none, plus, same, total } from './units.ts';

/**
 * The gate: the only place that gives units. Each exported verb is one script, so it happens at once or not at all.
 * What stands in its maps and lists is replaced and never changed, so a copy of the containers is a true copy.
 */
export type Gate = {
  epoch: number;
  seq: number;
  tip: string;
  time: number;
  status: SaleStatus;
  ceiling: Units;
  admitted: Units;
  journalCursor: number;
  /** The anchor, which is the entry at the ledger's cursor, and what follows it. */
  intake: Entry[];
  /** `of` is the epoch of the gate that wrote it: what is of an older one stands there unproven. */
  tickets: Map<string, Ticket>;
  /** Tickets that a replay finds. */
  keys: Set<string>;
  /** How many rows are back as tickets, while they are coming back from the ledger. */
  restoring: number | undefined;
  /** What was settled meanwhile, by the journal's position. */
  moved: Map<string, number>;
  buyers: Map<number, { claimed: number; released: number }>;
  waiting: Set<string>;
  /** How often it was written: a gate that loses its tail loses the last of these. */
  writes: number;
  /** Known to the model alone: by how much `admitted` strays above what was given, and is not mended yet. */
  stray: Units;
  /** Known to the model alone: nothing was lost since this gate was opened or rebuilt, and no other is in charge. */
  sound: boolean;
};

export type Ticket = { readonly status: Status; readonly version: number; readonly of: number };

export type Entry = {
  readonly seq: number;
  readonly tip: string;
  readonly kind:
    | 'anchor'
    | 'reserve'
    | 'withdraw'
    | 'confirm'
    | 'cancel'
    | 'extend'
    | 'return'
    | 'grant'
    | 'deny';
  /** The ticket's id for a reservation, the command's own otherwise. */
  readonly id: string;
  readonly ticket: string;
  readonly buyer: number;
  readonly lines: Units;
  /** What the gate gave for it, which is nothing for a command and for who must wait. */
  readonly units: Units;
  /** What it added to the buyer's claims. */
  readonly claim: number;
  readonly time: number;
  /** The database chokes on it. */
  readonly poison: boolean;
};

export type Request = Pick<Entry, 'kind' | 'id' | 'ticket' | 'buyer' | 'lines' | 'poison'>;

export type Admission =
  | 'admitted'
  | 'waitlisted'
  | 'repeat'
  | 'wrong_epoch'
  | 'paused'
  | 'closed'
  | 'limit_reached'
  | 'sold_out';

export const house = 0;

export function openGate(stock: Units): Gate {
  return {
    epoch: 1,
    seq: 0,
    tip: 'first',
    time: 1,
    status: 'open',
    ceiling: stock,
    admitted: none,
    journalCursor: 0,
    intake: [anchor(0, 'first')],
    tickets: new Map(),
    keys: new Set(),
    restoring: undefined,
    moved: new Map(),
    buyers: new Map(),
    waiting: new Set(),
    writes: 0,
    stray: none,
    sound: true,
  };
}

export function admit(
  gate: Gate,
  epoch: number,
  request: Request,
  clock: number,
  shop: Shop,
  keep: Rules,
): Admission {
  if (epoch !== gate.epoch) return 'wrong_epoch';
  if (keep.has('replayFirst') && gate.keys.has(request.ticket)) return 'repeat';
  const byBuyer = request.kind === 'reserve';
  const units = total(request.lines);
  if (byBuyer && gate.status !== 'open') return gate.status;
  if (byBuyer && claims(gate, request.buyer) + units > shop.perBuyerLimit) return 'limit_reached';
  const available = fits(plus(gate.admitted, request.lines), gate.ceiling);
  const waits = byBuyer && shop.waitlist && (!available || gate.waiting.size > 0);
  if (!available && !waits) return 'sold_out';
  if (gate.keys.has(request.ticket)) return 'repeat';

  if (waits && keep.has('waitlistAtGate')) gate.waiting.add(request.ticket);
  take(gate, { ...request, units: waits ? none : request.lines, claim: byBuyer ? units : 0 }, clock, keep);
  gate.tickets.set(request.ticket, { status: 'queued', version: 1, of: gate.epoch });
  gate.keys.add(request.ticket);
  return waits ? 'waitlisted' : 'admitted';
}

/**
 * What an edge acknowledged and no log has any more gets a place again, in the order in which it stood: with units while
 * they last, and without them all the same, so that the ledger tells its buyer.
 */
export function requeue(
  gate: Gate,
  epoch: number,
  requests: readonly Request[],
  clock: number,
  shop: Shop,
  keep: Rules,
): 'requeued' | 'wrong_epoch' {
  if (epoch !== gate.epoch) return 'wrong_epoch';
  for (const request of requests) {
    if (keep.has('replayFirst') && gate.keys.has(request.ticket)) continue;
    const available = fits(plus(gate.admitted, request.lines), gate.ceiling) && gate.status !== 'closed';
    const behind = keep.has('requeueBehind') && shop.waitlist && gate.waiting.size > 0;
    const units = available && !behind ? request.lines : none;
    if (same(units, none) && shop.waitlist && keep.has('waitlistAtGate')) gate.waiting.add(request.ticket);
    take(gate, { ...request, units, claim: total(request.lines) }, clock, keep);
    gate.tickets.set(request.ticket, { status: 'queued', version: 1, of: gate.epoch });
    gate.keys.add(request.ticket);
  }
  return 'requeued';
}

/** What a buyer sees of a ticket. */
export function read(gate: Gate, ticket: string, keep: Rules): Ticket | 'not whole' | 'unknown' {
  const found = gate.tickets.get(ticket);
  if (found && (found.of === gate.epoch || !keep.has('ticketsOfThisGate'))) return found;
  return gate.restoring !== undefined && keep.has('sayNotWhole') ? 'not whole' : 'unknown';
}

export type Page = {
  /** The first of these is the row after so many. */
  readonly from: number;
  readonly asOf: number;
  readonly rows: readonly (readonly [string, Pick<Ticket, 'status' | 'version'>])[];
  readonly isLast: boolean;
};

/** Rows, as of a position of the journal, come back as tickets; not when one of them was settled since. True to go on. */
export function restore(gate: Gate, epoch: number, page: Page, keep: Rules): boolean {
  if (gate.epoch !== epoch || gate.restoring === undefined) return false;
  if (keep.has('continueRestoring') && gate.restoring !== page.from) return false;
  if (keep.has('noteMoves') && page.rows.some(([ticket]) => (gate.moved.get(ticket) ?? 0) > page.asOf))
    return false;
  gate.writes++;
  if (keep.has('rebuildTickets'))
    for (const [ticket, { status, version }] of page.rows)
      gate.tickets.set(ticket, { status, version, of: gate.epoch });
  gate.restoring = page.isLast ? undefined : page.from + page.rows.length;
  if (page.isLast) gate.moved = new Map();
  return !page.isLast;
}

export function command(
  gate: Gate,
  epoch: number,
  request: Request,
  clock: number,
  keep: Rules,
): 'accepted' | 'repeat' | 'wrong_epoch' {
  if (epoch !== gate.epoch) return 'wrong_epoch';
  if (keep.has('commandOnce') && gate.intake.some((entry) => entry.id === request.id)) return 'repeat';
  take(gate, { ...request, units: none, claim: 0 }, clock, keep);
  return 'accepted';
}

/** What a commit run reads, all at one instant. */
export function look(gate: Gate, clock: number, keep: Rules): Gate {
  tellTime(gate, clock, keep);
  return copyOf(gate);
}

export type Settlement = {
  readonly epoch: number;
  readonly cursor: number;
  readonly tip: string;
  /** The piece of the journal that is brought: its positions from `from` up to but not including `to`. */
  readonly from: number;
  readonly to: number;
  readonly outcomes: readonly Outcome[];
  readonly status: SaleStatus;
  readonly ceiling: Units;
  readonly released: ReadonlyMap<number, number>;
  readonly wants: readonly Want[];
};
export type Outcome = {
  readonly position: number;
  readonly ticket: string;
  readonly buyer: number;
  readonly status: Status;
  readonly version: number;
  readonly released: number;
};
export type Want = {
  readonly ticket: string;
  readonly buyer: number;
  readonly lines: Units;
  readonly status: 'waitlisted' | 'paid_late';
};

export type Settled = { readonly answer: 'settled'; readonly given: number } | { readonly answer: 'refused' };

export function settle(gate: Gate, brought: Settlement, clock: number, shop: Shop, keep: Rules): Settled {
  if (keep.has('fencedSettle') && !continues(gate, brought.epoch, brought.cursor, brought.tip)) {
    return { answer: 'refused' };
  }
  if (keep.has('continueJournal') && gate.journalCursor < brought.from) return { answer: 'refused' };

  gate.writes++;
  for (const { position, ticket, buyer, status, version, released } of brought.outcomes) {
    if (keep.has('onlyNews') && position < gate.journalCursor) continue;
    const known = gate.tickets.get(ticket);
    // A ticket that is not back yet cannot be written: a piece of the journal does not know all of it.
    if (gate.restoring !== undefined) gate.moved.set(ticket, position + 1);
    if (gate.restoring !== undefined && known?.of !== gate.epoch) continue;
    if (!keep.has('ticketVersions') || !known || known.version < version)
      gate.tickets.set(ticket, { status, version, of: gate.epoch });
    if (!keep.has('releasedMaximum')) release(gate, buyer, (already) => already + released);
  }
  if (keep.has('releasedMaximum')) {
    for (const [buyer, released] of brought.released)
      release(gate, buyer, (already) => Math.max(already, released));
  }
  gate.ceiling = keep.has('ceilingMaximum') ? highest(gate.ceiling, brought.ceiling) : brought.ceiling;
  const newest = brought.to >= gate.journalCursor;
  if (newest || !keep.has('statusByJournal')) gate.status = brought.status;
  if (newest) gate.journalCursor = brought.to;
  const trimmed = keep.has('keepAnchor') ? brought.cursor : brought.cursor + 1;
  gate.intake = gate.intake.filter((entry) => entry.seq >= trimmed);

  const given = give(gate, brought, clock, shop, keep);
  if (newest) gate.waiting = stillWaiting(gate, brought, keep);
  return { answer: 'settled', given };
}

/**
 * The gate anew, from what the ledger says; undefined when there is one of this epoch or a newer one already.
 * What the ledger does not know yet keeps its order and its time, and its units as long as they last.
 */
export function rebuild(
  gate: Gate | undefined,
  ledger: Ledger,
  epoch: number,
  clock: number,
  shop: Shop,
  keep: Rules,
): Gate | undefined {
  if (gate && gate.epoch >= epoch) return undefined;
  const anew: Gate = {
    ...openGate(plus(ledger.stock, ledger.returned)),
    epoch,
    seq: ledger.cursor,
    tip: ledger.tip,
    time: Math.max(clock, gate?.time ?? 0, keep.has('rebuildClock') ? ledger.time : 0),
    status: keep.has('rebuildStatus') ? ledger.status : 'open',
    admitted: ledger.taken,
    journalCursor: ledger.journal.length,
    intake: [anchor(ledger.cursor, ledger.tip)],
    tickets: new Map(gate?.tickets),
    restoring: 0,
    writes: (gate?.writes ?? 0) + 1,
    sound: false,
  };
  for (const [ticket, { status }] of ledger.reservations) {
    if (keep.has('keysFirst')) anew.keys.add(ticket);
    if (keep.has('rebuildWaiting') && status === 'waitlisted') anew.waiting.add(ticket);
  }
  if (keep.has('rebuildBuyers')) {
    for (const [buyer, released] of ledger.released) anew.buyers.set(buyer, { claimed: released, released });
    for (const { buyer, lines, status } of ledger.reservations.values()) {
      if (buyer !== house && isClaim(status)) claim(anew, buyer, total(lines));
    }
  }
  if (gate && keep.has('carryOver')) for (const entry of gate.intake) carry(anew, entry, ledger, shop, keep);
  return anew;
}

/** Bad luck: a counter is not what the scripts made it. */
export function stray(gate: Gate, counter: 'admitted' | 'ceiling', units: Units): void {
  gate.writes++;
  gate[counter] = plus(gate[counter], units);
  if (counter === 'admitted') gate.stray = plus(gate.stray, units);
}

/** Whether this gate's history goes on from where the ledger stands. */
export function continues(gate: Gate, epoch: number, cursor: number, tip: string): boolean {
  return gate.epoch === epoch && gate.intake.some((entry) => entry.seq === cursor && entry.tip === tip);
}

export function tipAfter(previous: string, entry: Omit<Entry, 'seq' | 'tip'>, keep: Rules): string {
  const { kind, id, ticket, lines, units, time } = entry;
  const covered = keep.has('wholeTip')
    ? [previous, kind, id, ticket, lines, units, time]
    : [previous, ticket];
  return hash('sha1', covered.join());
}

export function forget(gate: Gate): void {
  gate.writes++;
  for (const [ticket, { status }] of gate.tickets) {
    if (!isFinal(status) || gate.restoring !== undefined) continue;
    gate.tickets.delete(ticket);
    gate.keys.delete(ticket);
  }
}

export function copyOf(gate: Gate): Gate {
  return {
    ...gate,
    intake: [...gate.intake],
    tickets: new Map(gate.tickets),
    keys: new Set(gate.keys),
    moved: new Map(gate.moved),
    buyers: new Map(gate.buyers),
    waiting: new Set(gate.waiting),
  };
}

export const claims = (gate: Gate, buyer: number): number => {
  const { claimed, released } = gate.buyers.get(buyer) ?? { claimed: 0, released: 0 };
  return claimed - released;
};

function anchor(seq: number, tip: string): Entry {
  const nothing = {
    id: '',
    ticket: '',
    buyer: house,
    lines: none,
    units: none,
    claim: 0,
    time: 0,
    poison: false,
  };
  return { ...nothing, seq, tip, kind: 'anchor' };
}

/** The counter, the buyer's claim and the entry, in one atomic step. */
function take(gate: Gate, entry: Omit<Entry, 'seq' | 'tip' | 'time'>, clock: number, keep: Rules): void {
  gate.writes++;
  gate.admitted = plus(gate.admitted, entry.units);
  if (entry.claim > 0) claim(gate, entry.buyer, entry.claim);
  append(gate, { ...entry, time: tellTime(gate, clock, keep) }, keep);
}

function append(gate: Gate, entry: Omit<Entry, 'seq' | 'tip'>, keep: Rules): void {
  gate.seq++;
  gate.tip = tipAfter(gate.tip, entry, keep);
  gate.intake.push({ ...entry, seq: gate.seq, tip: gate.tip });
}

function tellTime(gate: Gate, clock: number, keep: Rules): number {
  gate.time = keep.has('steadyClock') ? Math.max(gate.time, clock) : clock;
  return gate.time;
}

function claim(gate: Gate, buyer: number, units: number): void {
  const { claimed, released } = gate.buyers.get(buyer) ?? { claimed: 0, released: 0 };
  gate.buyers.set(buyer, { claimed: claimed + units, released });
}

function release(gate: Gate, buyer: number, next: (already: number) => number): void {
  const { claimed, released } = gate.buyers.get(buyer) ?? { claimed: 0, released: 0 };
  if (buyer !== house) gate.buyers.set(buyer, { claimed, released: next(released) });
}

/** What came back goes to those who wait, in order and whole parties only, and then to late payers. */
function give(gate: Gate, brought: Settlement, clock: number, shop: Shop, keep: Rules): number {
  const open = brought.wants.filter((want) => !isPending(gate, want, brought.cursor));
  const name = (want: Want): string => `given ${want.ticket} ${gate.epoch}.${gate.seq + 1}`;
  const offer = (want: Want, kind: 'grant' | 'deny', units: Units, added: number): void => {
    const { ticket, buyer, lines } = want;
    take(
      gate,
      { kind, id: name(want), ticket, buyer, lines, units, claim: added, poison: false },
      clock,
      keep,
    );
  };
  const room = (want: Want): boolean => fits(plus(gate.admitted, want.lines), gate.ceiling);
  const seqBefore = gate.seq;
  if (keep.has('waitersByGate')) {
    for (const want of open.filter(({ status }) => status === 'waitlisted')) {
      if (!room(want)) break;
      offer(want, 'grant', want.lines, 0);
    }
  }
  if (keep.has('latePayersByGate')) {
    for (const want of open.filter(({ status }) => status === 'paid_late')) {
      const within = claims(gate, want.buyer) + total(want.lines) <= shop.perBuyerLimit;
      if (within && room(want)) offer(want, 'grant', want.lines, total(want.lines));
      else offer(want, 'deny', none, 0);
    }
  }
  return gate.seq - seqBefore;
}

function isPending(gate: Gate, want: Want, cursor: number): boolean {
  return gate.intake.some(
    ({ kind, ticket, seq }) =>
      (kind === 'grant' || kind === 'deny') && ticket === want.ticket && seq > cursor,
  );
}

function stillWaiting(gate: Gate, brought: Settlement, keep: Rules): Set<string> {
  const known = brought.wants.filter(
    (want) => want.status === 'waitlisted' && !isPending(gate, want, brought.cursor),
  );
  const waiting = new Set(known.map(({ ticket }) => ticket));
  if (keep.has('waitlistAtGate')) {
    for (const entry of gate.intake) {
      if (entry.seq > brought.cursor && isWaiter(entry)) waiting.add(entry.ticket);
    }
  }
  return waiting;
}

const isWaiter = ({ kind, units }: Entry): boolean => kind === 'reserve' && same(units, none);

function carry(anew: Gate, entry: Entry, ledger: Ledger, shop: Shop, keep: Rules): void {
  // Grants and denials are made again by the next settlement, from what the ledger says by then.
  if (
    entry.kind === 'anchor' ||
    entry.kind === 'grant' ||
    entry.kind === 'deny' ||
    ledger.known.has(entry.id)
  )
    return;
  let carried = entry;
  if (entry.kind === 'reserve' || entry.kind === 'withdraw') {
    const units = fits(entry.units, minus(anew.ceiling, anew.admitted)) ? entry.units : none;
    carried = { ...entry, units };
    anew.admitted = plus(anew.admitted, units);
    if (entry.claim > 0) claim(anew, entry.buyer, entry.claim);
    if (isWaiter(carried) && shop.waitlist) anew.waiting.add(entry.ticket);
    anew.tickets.set(entry.ticket, { status: 'queued', version: 1, of: anew.epoch });
    anew.keys.add(entry.ticket);
  }
  append(anew, carried, keep);
}
