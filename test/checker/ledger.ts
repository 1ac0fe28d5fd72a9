/**
 * The journal of one sale, played again from its first event: units at every position (I1), limits (I4), places and the
 * waitlist (I8), deadlines (I9), each ticket's path (I10), rebuilds and repairs (I12). What it leaves behind is the fold
 * that rows, gate and clients are held against.
 */
import { type Row, type SaleFacts, Unreadable, type Wish } from './evidence.ts';
import type { Faults } from './faults.ts';
import type { Findings } from './findings.ts';
import type { JournalEvent } from './journal-lines.ts';
import { countsForBuyer, holdsUnits, saleEvents, shownAs, type State, steps } from './path.ts';
import { add, newTicket, placeOf, type Ticket, unitsOf } from './ticket.ts';
import { createWaiting } from './waiting.ts';

/** How late a hold may end while stores and a worker are there. */
const lateMs = 2_000;

/** Changes of what is free, in the order of the journal: by how many units, and from when on. */
export interface FreeUnits {
  times: number[];
  steps: number[];
}

export interface Ledger {
  tickets: Map<string, Ticket>;
  stock: Map<string, number>;
  /** Units held or confirmed, per item. */
  out: Map<string, number>;
  withdrawn: Map<string, number>;
  /** Units handed back so far, per item, as the journal proves them; and how many more it may have been. */
  returned: Map<string, number>;
  perhapsReturned: Map<string, number>;
  repaired: Map<string, number>;
  free: Map<string, FreeUnits>;
  epoch: number;
  status: string;
  events: number;
  restocks: number;
  withdrawals: number;
  prolongations: number;
  returns: number;
  refunds: number;
  erased: boolean;
  smallestLimit: number;
  /** The gate's time of the last run. */
  lastAt: number;
  row(row: Row): void;
  follow(event: JournalEvent): void;
  end(): void;
}

export function createLedger(sale: SaleFacts, faults: Faults, findings: Findings): Ledger {
  const { saleId } = sale;
  const tickets = new Map<string, Ticket>();
  const unitsOfBuyer = new Map<string, number>();
  const waiting = createWaiting();
  const lobby = new Set<string>();
  let holdSeconds = sale.holdSeconds;
  let limit = sale.perBuyerLimit ?? Number.POSITIVE_INFINITY;
  let largestLimit = limit;
  let waitlist = sale.waitlist;
  let waitlistChanged = false;
  let lastPlace = 0;
  let lastRunAt = 0;
  let lastRebuiltAt = 0;
  let runsSinceRebuild = 0;
  const later: ((time: number) => void)[] = [];
  let position = 0;
  const at = (ticket: Ticket) => `ticket ${ticket.id}, position ${position}`;

  const ledger: Ledger = {
    tickets,
    stock: new Map(),
    out: new Map(),
    withdrawn: new Map(),
    returned: new Map(),
    perhapsReturned: new Map(),
    repaired: new Map(),
    free: new Map(),
    epoch: 0,
    status: 'draft',
    events: 0,
    restocks: 0,
    withdrawals: 0,
    prolongations: 0,
    returns: 0,
    refunds: 0,
    erased: false,
    smallestLimit: limit,
    lastAt: 0,
    row(row) {
      if (tickets.has(row.id)) findings.broken('I1', `ticket ${row.id} has two rows.`);
      tickets.set(row.id, newTicket(row.id, row));
    },
    follow(event) {
      position = event.position;
      ledger.events += 1;
      if (event.position === 1 && event.type !== 'sale_created')
        findings.broken('I11', `${saleId}: the journal begins with ${event.type}.`);
      if (event.ticketId === null) followSale(event);
      else followTicket(event, event.ticketId);
    },
    end: () => judgeLater(Number.POSITIVE_INFINITY),
  };
  return ledger;

  function followSale({ type, data, at: time }: JournalEvent): void {
    if (!saleEvents.has(type))
      throw new Unreadable(`${saleId}, position ${position}: unknown kind of event ${type}`);
    terms(data['terms']);
    if (typeof data['status'] === 'string') ledger.status = data['status'];
    switch (type) {
      case 'sale_created':
        created(data['terms'], time);
        return;
      case 'restocked': {
        ledger.restocks += 1;
        const sku = String(data['sku']);
        add(ledger.stock, sku, Number(data['delta']));
        freed(sku, Number(data['delta']), time);
        return;
      }
      case 'gate_rebuilt':
        rebuilt(data);
        return;
      case 'repaired':
        repaired(data, time);
        return;
      case 'quarantined':
        handedBack(data);
        return;
      default:
    }
  }

  function terms(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    const changed = value as Partial<{
      holdSeconds: number;
      perBuyerLimit: number | null;
      waitlist: boolean;
      status: string;
    }>;
    if (changed.holdSeconds !== undefined) holdSeconds = changed.holdSeconds;
    if (changed.perBuyerLimit !== undefined) {
      limit = changed.perBuyerLimit ?? Number.POSITIVE_INFINITY;
      largestLimit = Math.max(largestLimit, limit);
      ledger.smallestLimit = Math.min(ledger.smallestLimit, limit);
    }
    if (changed.waitlist !== undefined && changed.waitlist !== waitlist) {
      waitlist = changed.waitlist;
      waitlistChanged = true;
    }
    if (typeof changed.status === 'string') ledger.status = changed.status;
  }

  function created(value: unknown, time: number): void {
    const { items } = (value ?? {}) as { items?: { sku: string; stock: number }[] };
    for (const { sku, stock } of items ?? []) {
      add(ledger.stock, sku, stock);
      freed(sku, stock, time);
    }
    for (const { sku, stock } of sale.items) {
      const named = ledger.stock.get(sku) ?? 0;
      if (named !== stock)
        findings.broken(
          'I1',
          `${saleId}: ${stock} ${sku} were put on sale, and the journal begins with ${named}.`,
        );
    }
  }

  /**
   * Another gate than the first came into being: something must have happened to the one before. The event has the clock
   * of the process that rebuilt it; so when it was is taken from the runs before and after it.
   */
  function rebuilt(data: Record<string, unknown>): void {
    const epoch = Number(data['epoch']);
    if (!(epoch > ledger.epoch))
      findings.broken(
        'I12',
        `${saleId}, position ${position}: the gate is rebuilt under epoch ${epoch} after ${ledger.epoch}.`,
      );
    const isFirst = ledger.epoch === 0;
    ledger.epoch = epoch;
    const [from, used, where] = [lastRebuiltAt, runsSinceRebuild > 0, position];
    // What a gate offers too much, it was not given by a store that came back with all it had.
    const needsLoss = /more than there (is|are)/.test(String(data['why']));
    lastRebuiltAt = lastRunAt;
    runsSinceRebuild = 0;
    if (isFirst) return;
    findings.looked('I12');
    if (!used) return;
    later.push((to) => {
      const isExplained = needsLoss ? faults.lost(from, to) : faults.gateHit(from, to);
      if (!isExplained)
        findings.broken(
          'I12',
          `${saleId}, position ${where}: the gate is rebuilt, and nothing had happened to it.`,
        );
    });
  }

  /** `delta` units of an item; what it is said to have been follows in `repair`. */
  function repaired(data: Record<string, unknown>, time: number): void {
    findings.looked('I12');
    const [sku, units, kind] = [String(data['sku']), Number(data['delta']), data['repair'] ?? 'leak'];
    add(ledger.repaired, sku, units);
    // Counters that did not follow from the rows: which of the two was wrong is not in the journal.
    if (kind === 'taken_without_row' || kind === 'row_without_taken') add(ledger.perhapsReturned, sku, units);
    if (kind !== 'leak') return;
    add(ledger.returned, sku, units);
    const stock = ledger.stock.get(sku) ?? 0;
    const [before, where, out] = [lastRunAt, position, ledger.out.get(sku) ?? 0];
    later.push((to) => {
      // A time that is not between those of the runs around it is of a clock that is wrong.
      const at = time >= before && time <= to ? time : before;
      const free = stock - out - onTheirWay(sku, at);
      if (units > free)
        findings.broken(
          'I12',
          `${saleId}, position ${where}: a repair put ${units} ${sku} back, and of ${stock} only ${free} were with nobody.`,
        );
      else if (!faults.lost(0, at))
        findings.broken(
          'I12',
          `${saleId}, position ${where}: a repair put ${units} ${sku} back, and no store had lost anything: they had leaked, or they were there.`,
        );
    });
  }

  /**
   * Admitted up to `time` and not decided: known from the rows, which are all there. Where there is a waitlist, whoever is
   * undecided may have no units.
   */
  function onTheirWay(sku: string, time: number): number {
    let units = 0;
    if (waitlist || waitlistChanged) return units;
    for (const { row, state } of tickets.values()) {
      if (row === null || state !== 'new' || Date.parse(row.reservedAt) > time) continue;
      if (row.status === 'rejected' || row.status === 'lobby') continue;
      for (const line of row.lines) if (line.sku === sku) units += line.quantity;
    }
    return units;
  }

  /** What could only be judged when the time of the next run is known. */
  function judgeLater(time: number): void {
    for (const judge of later.splice(0)) judge(time);
  }

  function followTicket(event: JournalEvent, ticketId: string): void {
    const { type, data, at: time } = event;
    const step = steps.get(type);
    if (step === undefined)
      throw new Unreadable(`${saleId}, position ${position}: unknown kind of event ${type}`);
    if (type !== 'erased' && type !== 'prolonged') {
      judgeLater(time);
      runsSinceRebuild += 1;
      if (time < lastRunAt)
        findings.broken(
          'I9',
          `${saleId}, position ${position}: the one clock of the sale went back by ${lastRunAt - time} ms.`,
        );
      lastRunAt = Math.max(lastRunAt, time);
      ledger.lastAt = lastRunAt;
    }
    if (type === 'handed_back') return handedBack(data);
    let ticket = tickets.get(ticketId);
    if (ticket === undefined) {
      ticket = newTicket(ticketId, null);
      tickets.set(ticketId, ticket);
    }
    const from = ticket.state;
    findings.looked('I10');
    if (!step.from.has(from))
      findings.broken('I10', `${at(ticket)}: it is ${type} while it is ${from}${since(ticket)}.`);
    if (from === 'new') arrives(ticket, data);
    else if (data['place'] !== undefined) drawn(ticket, data, time);
    answers(ticket, event);
    if (type === 'refused') return;
    ticket.lastPosition = position;
    if (type === 'erased') {
      ledger.erased = true;
      changes(ticket, from, null, time);
      return;
    }
    if (from === 'held') leavesDeadline(ticket, event);
    const to = step.to ?? from;
    if (to !== from) moves(ticket, from, to, event);
    asked(ticket, from, event);
    changes(ticket, to, deadlineAfter(ticket, event), time);
  }

  /** Units that the gate had given for an entry of which nothing came. */
  function handedBack(data: Record<string, unknown>): void {
    for (const [sku, quantity] of linesIn(data['lines'])) add(ledger.returned, sku, quantity);
  }

  function arrives(ticket: Ticket, data: Record<string, unknown>): void {
    ticket.firstPosition = position;
    ticket.lines = linesIn(data['lines']);
    ticket.joined = false;
    takesPlace(ticket, data);
  }

  function drawn(ticket: Ticket, data: Record<string, unknown>, time: number): void {
    takesPlace(ticket, data);
    lobby.delete(ticket.id);
    ticket.version += 1;
    ticket.moments.push({ version: ticket.version, shown: 'queued', deadline: null, at: time });
  }

  function takesPlace(ticket: Ticket, data: Record<string, unknown>): void {
    ticket.epoch = Number(data['epoch']);
    ticket.seq = Number(data['seq']);
    const place = placeOf(ticket.epoch, ticket.seq);
    findings.looked('I8');
    if (!(place > lastPlace))
      findings.broken(
        'I8',
        `${at(ticket)}: its place ${ticket.epoch}.${ticket.seq} is not behind the one decided before.`,
      );
    else lastPlace = place;
  }

  function answers(ticket: Ticket, { commandId }: JournalEvent): void {
    if (commandId?.startsWith('confirm.')) ticket.answered.confirm += 1;
    else if (commandId?.startsWith('cancel.')) ticket.answered.cancel += 1;
    else if (commandId?.startsWith('extend.')) ticket.answered.extend += 1;
  }

  function moves(ticket: Ticket, from: State, to: State, event: JournalEvent): void {
    const { type, data, at: time } = event;
    const units = (holdsUnits(to) ? 1 : 0) - (holdsUnits(from) ? 1 : 0);
    if (units !== 0) countUnits(ticket, units, from, time);
    if (type === 'rejected' && from !== 'waitlisted') perhapsHadUnits(ticket, time);
    if (type === 'withdrawn') {
      ledger.withdrawals += 1;
      for (const [sku, quantity] of ticket.lines) add(ledger.withdrawn, sku, quantity);
    } else countBuyer(ticket, from, to);
    if (type === 'returned') ledger.returns += 1;
    if (type === 'refunded') ledger.refunds += 1;
    if (type === 'joined') {
      ticket.joined = true;
      lobby.add(ticket.id);
    }
    if (from === 'lobby') lobby.delete(ticket.id);
    inLine(ticket, from, to, time);
    ticket.reason =
      typeof data['reason'] === 'string' ? data['reason'] : to === 'cancelled' ? null : ticket.reason;
  }

  /** What only a buyer can have asked for bears a buyer's command; what nobody asks for bears none. */
  function asked({ id }: Ticket, from: State, { type, commandId }: JournalEvent): void {
    const isBuyers =
      type === 'extended' ||
      type === 'paid_late' ||
      (type === 'confirmed' && from === 'held') ||
      (type === 'cancelled' && ledger.status !== 'cancelled');
    if (!isBuyers || faults.ledgerLost) return;
    findings.looked('I3');
    if (commandId === null || !/^(confirm|cancel|extend)\./.test(commandId))
      findings.broken('I3', `ticket ${id}, position ${position}: it is ${type} by no command of its buyer.`);
  }

  function countUnits(ticket: Ticket, sign: number, from: State, time: number): void {
    // The gate took them when it gave the place, which is before the ledger said so; a grant's at the earliest when it was waited for.
    const waited = ticket.moments.at(-1)?.at ?? time;
    const reserved = ticket.row === null ? 0 : Date.parse(ticket.row.reservedAt);
    const taken = from === 'new' ? Math.min(time, reserved) : Math.min(time, waited);
    for (const [sku, quantity] of ticket.lines) {
      const out = add(ledger.out, sku, sign * quantity);
      freed(sku, -sign * quantity, sign > 0 ? taken : time);
      if (sign < 0) {
        add(ledger.returned, sku, quantity);
        continue;
      }
      findings.looked('I1');
      const stock = ledger.stock.get(sku) ?? 0;
      if (out > stock)
        findings.broken('I1', `${at(ticket)}: ${out} ${sku} are held or sold, and there are ${stock}.`);
    }
  }

  /** Refused by the ledger: whether the gate had given it units is not in the journal. */
  function perhapsHadUnits(ticket: Ticket, time: number): void {
    const reserved = ticket.row === null ? 0 : Date.parse(ticket.row.reservedAt);
    for (const [sku, quantity] of ticket.lines) {
      add(ledger.perhapsReturned, sku, quantity);
      freed(sku, -quantity, Math.min(time, reserved));
      freed(sku, quantity, time);
    }
  }

  function freed(sku: string, units: number, time: number): void {
    let free = ledger.free.get(sku);
    if (free === undefined) {
      free = { times: [], steps: [] };
      ledger.free.set(sku, free);
    }
    free.times.push(time);
    free.steps.push(units);
  }

  function countBuyer(ticket: Ticket, from: State, to: State): void {
    const buyerId = ticket.row?.buyerId;
    const step = (countsForBuyer(to) ? 1 : 0) - (countsForBuyer(from) ? 1 : 0);
    if (step === 0 || buyerId === undefined || largestLimit === Number.POSITIVE_INFINITY) return;
    const units = add(unitsOfBuyer, buyerId, step * unitsOf(ticket.lines));
    if (step < 0) return;
    findings.looked('I4');
    // A late payer is let in by the gate, which hears of a new limit a little later.
    const most = from === 'paid_late' ? largestLimit : limit;
    if (units > most)
      findings.broken('I4', `${at(ticket)}: buyer ${buyerId} has ${units} units, and the limit is ${most}.`);
  }

  function inLine(ticket: Ticket, from: State, to: State, time: number): void {
    if (to === 'held' && (from === 'new' || from === 'lobby')) {
      const before = waiting.first();
      if (waitlist && !waitlistChanged && before !== null && !staleGate(ticket, time)) {
        findings.broken('I8', `${at(ticket)}: it came later and is held, while ${before} waits.`);
      }
      const member = lobby.values().next().value;
      if (from === 'new' && member !== undefined)
        findings.broken('I8', `${at(ticket)}: it is held before ${member} of the lobby has its place.`);
    }
    if (to === 'held' && from === 'waitlisted') {
      findings.looked('I8');
      const before = waiting.passedOver(ticket.id);
      if (before !== null && !faults.lost())
        findings.broken(
          'I8',
          `${at(ticket)}: it is granted its units, while ${before} waits for no more and joined before.`,
        );
    }
    if (to === 'waitlisted') waiting.join(ticket.id, ticket.lines);
    else if (from === 'waitlisted') waiting.leave(ticket.id);
  }

  /** A gate that had forgotten who waits may have let it in, and what it gave is carried over. */
  function staleGate({ row }: Ticket, time: number): boolean {
    return faults.lost(row === null ? 0 : Date.parse(row.reservedAt), time);
  }

  /** Whatever ends a hold or gives it more time says that it was alive until now. */
  function leavesDeadline(ticket: Ticket, { type, at: time }: JournalEvent): void {
    const { deadline } = ticket;
    if (deadline === null) return;
    if (time > deadline + lateMs) {
      if (!faults.disturbed(deadline, time))
        findings.tooLate(
          'I9',
          deadline,
          time,
          `${at(ticket)}: it is ${type} ${time - deadline} ms after its deadline, and was held until then.`,
        );
      return;
    }
    findings.looked('I9');
    if (type === 'expired' && time <= deadline)
      findings.broken('I9', `${at(ticket)}: it expires ${deadline - time} ms before its deadline.`);
  }

  function deadlineAfter(ticket: Ticket, { type, data, at: time }: JournalEvent): number | null {
    if (type !== 'held' && type !== 'extended' && type !== 'prolonged') return null;
    const deadline = Number(data['expiresAt']);
    const expected =
      type === 'held' ? time + holdSeconds * 1000 : (ticket.deadline ?? 0) + Number(data['seconds']) * 1000;
    findings.looked('I9');
    if (deadline !== expected)
      findings.broken(
        'I9',
        `${at(ticket)}: ${type} until ${deadline}, which is ${deadline - expected} ms from what the hold's time makes.`,
      );
    if (type === 'prolonged') ledger.prolongations += 1;
    return deadline;
  }

  function changes(ticket: Ticket, to: State, deadline: number | null, time: number): void {
    const isFirst = ticket.state === 'new';
    if (!(isFirst && to === 'lobby')) ticket.version += 1;
    ticket.state = to;
    ticket.deadline = deadline;
    ticket.moments.push({ version: ticket.version, shown: shownAs(to), deadline, at: time });
  }

  function since(ticket: Ticket): string {
    return ticket.lastPosition === 0 ? '' : ` since position ${ticket.lastPosition}`;
  }
}

export { lateMs };

function linesIn(value: unknown): Wish {
  if (!Array.isArray(value)) return [];
  return (value as [string, number][]).map(([sku, quantity]) => [String(sku), Number(quantity)] as const);
}
