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
  lastAt: number;
  row(row: Row): void;
  follow(event: JournalEvent): void;
}

export function createLedger(sale: SaleFacts, faults: Faults, findings: Findings): Ledger {
  const { saleId } = sale;
  const tickets = new Map<string, Ticket>();
  const unitsOfBuyer = new Map<string, number>();
  const waiting = createWaiting();
  const lobby = new Set<string>();
  /** Decided later than they were admitted; what a repair must not take for lost. */
  let holdSeconds = sale.holdSeconds;
  let limit = sale.perBuyerLimit ?? Number.POSITIVE_INFINITY;
  let largestLimit = limit;
  let waitlist = sale.waitlist;
  let waitlistChanged = false;
  let lastPlace = 0;
  let lastRunAt = 0;
  let lastRebuiltAt = 0;
  let eventsSinceRebuild = 0;
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
      ledger.lastAt = Math.max(ledger.lastAt, event.at);
      if (event.position === 1 && event.type !== 'sale_created')
        findings.broken('I11', `${saleId}: the journal begins with ${event.type}.`);
      if (event.ticketId === null) followSale(event);
      else followTicket(event, event.ticketId);
    },
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
        rebuilt(data, time);
        return;
      case 'repaired':
        repaired(data, time);
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

  /** Another gate than the first came into being: something must have happened to the one before. */
  function rebuilt(data: Record<string, unknown>, time: number): void {
    const epoch = Number(data['epoch']);
    if (!(epoch > ledger.epoch))
      findings.broken(
        'I12',
        `${saleId}, position ${position}: the gate is rebuilt under epoch ${epoch} after ${ledger.epoch}.`,
      );
    if (ledger.epoch > 0) {
      findings.looked('I12');
      if (eventsSinceRebuild > 0 && !faults.gateHit(lastRebuiltAt, time))
        findings.broken(
          'I12',
          `${saleId}, position ${position}: the gate is rebuilt, and nothing had happened to it.`,
        );
    }
    ledger.epoch = epoch;
    lastRebuiltAt = time;
    eventsSinceRebuild = 0;
  }

  /** Units that were nowhere: not with anybody, not on their way, and so no more than these can have been. */
  function repaired(data: Record<string, unknown>, time: number): void {
    findings.looked('I12');
    for (const [sku, units] of linesIn(data['lines'] ?? [[data['sku'], data['delta'] ?? data['units']]])) {
      add(ledger.repaired, sku, units);
      add(ledger.returned, sku, units);
      const stock = ledger.stock.get(sku) ?? 0;
      const taken = (ledger.out.get(sku) ?? 0) + onTheirWay(sku, time);
      if (units > stock - taken)
        findings.broken(
          'I12',
          `${saleId}, position ${position}: a repair put ${units} ${sku} back, and of ${stock} only ${stock - taken} were with nobody.`,
        );
    }
  }

  /** Admitted before `time` and decided after it: known from the rows, which are all there. */
  function onTheirWay(sku: string, time: number): number {
    let units = 0;
    for (const { row, state, lines } of tickets.values()) {
      if (row === null || state !== 'new' || Date.parse(row.reservedAt) > time || lines.length > 0) continue;
      if (row.status === 'waitlisted' || row.status === 'rejected' || row.status === 'lobby') continue;
      for (const line of row.lines) if (line.sku === sku) units += line.quantity;
    }
    return units;
  }

  function followTicket(event: JournalEvent, ticketId: string): void {
    const { type, data, at: time } = event;
    const step = steps.get(type);
    if (step === undefined)
      throw new Unreadable(`${saleId}, position ${position}: unknown kind of event ${type}`);
    eventsSinceRebuild += 1;
    if (type !== 'erased' && type !== 'prolonged') {
      if (time < lastRunAt)
        findings.broken(
          'I9',
          `${saleId}, position ${position}: the one clock of the sale went back by ${lastRunAt - time} ms.`,
        );
      lastRunAt = Math.max(lastRunAt, time);
    }
    if (type === 'handed_back') {
      for (const [sku, quantity] of linesIn(data['lines'])) {
        add(ledger.returned, sku, quantity);
      }
      return;
    }
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
    inLine(ticket, from, to);
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
    if (!isBuyers) return;
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

  function inLine(ticket: Ticket, from: State, to: State): void {
    if (to === 'held' && (from === 'new' || from === 'lobby')) {
      const before = waiting.first();
      if (waitlist && !waitlistChanged && before !== null && !faults.lost()) {
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

  /** Whatever ends a hold or gives it more time says that it was alive until now. */
  function leavesDeadline(ticket: Ticket, { type, at: time }: JournalEvent): void {
    const { deadline } = ticket;
    if (deadline === null) return;
    findings.looked('I9');
    if (type === 'expired' && time <= deadline)
      findings.broken('I9', `${at(ticket)}: it expires ${deadline - time} ms before its deadline.`);
    if (time > deadline + lateMs && !faults.disturbed(deadline, time))
      findings.broken(
        'I9',
        `${at(ticket)}: it is ${type} ${time - deadline} ms after its deadline, and was held until then.`,
      );
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
