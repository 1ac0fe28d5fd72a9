import { createDrawCheck } from './draw.ts';
import { type Fact, isCount } from './line.ts';

/** A kind of event that this program has never heard of: it cannot say whether the journal is true. */
export class UnknownKind extends Error {}

type Line = [sku: string, quantity: number, priceMinor: number];

interface Seen {
  status: string;
  lines: Line[];
}

/** From which states a ticket's event may come; `new` is a ticket that the journal has not named before. */
const leads: Record<string, { from: readonly string[]; to: string | null }> = {
  joined: { from: ['new'], to: 'lobby' },
  held: { from: ['new', 'lobby', 'waitlisted'], to: 'held' },
  waitlisted: { from: ['new', 'lobby'], to: 'waitlisted' },
  rejected: { from: ['new', 'lobby', 'waitlisted'], to: 'rejected' },
  withdrawn: { from: ['new'], to: 'confirmed' },
  confirmed: { from: ['held', 'paid_late'], to: 'confirmed' },
  cancelled: { from: ['held', 'waitlisted', 'lobby'], to: 'cancelled' },
  expired: { from: ['held'], to: 'expired' },
  extended: { from: ['held'], to: 'held' },
  prolonged: { from: ['held'], to: 'held' },
  paid_late: { from: ['expired'], to: 'paid_late' },
  refund_due: { from: ['paid_late', 'cancelled', 'confirmed'], to: 'refund_due' },
  refunded: { from: ['refund_due'], to: 'refunded' },
  returned: { from: ['confirmed'], to: 'returned' },
  refused: { from: [], to: null },
  handed_back: { from: [], to: null },
  erased: { from: [], to: null },
};

const saleKinds = new Set([
  'sale_created',
  'sale_changed',
  'sale_moved',
  'drawn',
  'restocked',
  'gate_rebuilt',
  'repaired',
  'quarantined',
]);

export interface Replay {
  /** What is wrong with the next event, as a sentence; null when it follows from those before. */
  follow(fact: Fact): string | null;
  /** `<epoch>.<seq>.<tip>` of the place that the last event gave, or null. */
  place(): string | null;
  tickets(): number;
}

/** Plays a journal again: stock, units, places in line and the draw. */
export function createReplay(): Replay {
  const draw = createDrawCheck();
  const stock = new Map<string, number>();
  const out = new Map<string, number>();
  const tickets = new Map<string, Seen>();
  const lobby = new Set<string>();
  let at = { epoch: 0, seq: 0 };
  let place: string | null = null;

  function followSale({ position, type, data }: Fact): string | null {
    if ((position === 1) !== (type === 'sale_created')) return 'a journal begins with its sale, and has one';
    switch (type) {
      case 'sale_created':
        return stocked(data['terms']);
      case 'sale_moved':
        return data['commitment'] === undefined ? null : draw.opened(data['commitment']);
      case 'sale_changed':
        return data['beacon'] === undefined ? null : draw.beacon(data['beacon']);
      case 'restocked': {
        const { sku, delta } = data;
        if (typeof sku !== 'string' || !stock.has(sku) || !isCount(delta)) return 'the restock is none';
        stock.set(sku, (stock.get(sku) ?? 0) + delta);
        return null;
      }
      case 'gate_rebuilt':
        if (!isCount(data['epoch']) || data['epoch'] <= at.epoch) return 'the epoch goes back';
        at = { epoch: data['epoch'], seq: 0 };
        return null;
      default:
        return null;
    }
  }

  function stocked(terms: unknown): string | null {
    const { items } = (terms ?? {}) as { items?: { sku: string; stock: number }[] };
    if (!Array.isArray(items) || items.length === 0) return 'the sale has no items';
    for (const { sku, stock: units } of items) {
      if (typeof sku !== 'string' || stock.has(sku) || !isCount(units)) return 'the items are no items';
      stock.set(sku, units);
    }
    return null;
  }

  function followTicket(fact: Fact, ticketId: string): string | null {
    const { type, data } = fact;
    const lead = leads[type];
    if (lead === undefined) throw new UnknownKind(type);
    const before = tickets.get(ticketId);
    if (type === 'erased' && before === undefined) return 'somebody is erased who was never there';
    if (lead.to === null) return null;
    const from = before?.status ?? 'new';
    if (!lead.from.includes(from)) return `a ticket that is ${from} cannot become ${lead.to}`;
    const fault = followPlace(fact, ticketId, from);
    if (fault !== null) return fault;
    // Of what was set aside not everything could be read.
    const mayLack = type === 'rejected' && data['reason'] === 'quarantined';
    const lines = before?.lines ?? linesOf(data['lines'], mayLack);
    if (lines === null || (before !== undefined && data['lines'] !== undefined))
      return 'the lines are no lines';
    tickets.set(ticketId, { status: lead.to, lines });
    if (lead.to === 'lobby') lobby.add(ticketId);
    else lobby.delete(ticketId);
    return countUnits(lines, unitsOut(lead.to) - unitsOut(from));
  }

  /** Every place is behind the one before; members of a lobby have theirs before anyone who came later. */
  function followPlace({ type, data }: Fact, ticketId: string, from: string): string | null {
    const { epoch, seq, tip, place: number } = data;
    if (seq === undefined && number === undefined)
      return from === 'new' ? 'a ticket without a place in line' : null;
    if (!isCount(seq) || typeof tip !== 'string' || !/^[0-9a-f]{40}$/.test(tip))
      return 'the place in line is none';
    if (epoch !== at.epoch || seq <= at.seq) return 'the place in line does not follow the one before';
    at = { epoch: at.epoch, seq };
    place = `${at.epoch}.${seq}.${tip}`;
    if (from === 'lobby') return draw.placed(ticketId, number, (id) => lobby.has(id));
    if (number !== undefined) return 'a drawn place for who was not in the lobby';
    if (type === 'joined') return draw.state() === 'open' ? null : 'a lobby that is not open is joined';
    if (type === 'held' || type === 'waitlisted') {
      if (draw.state() === 'open') return 'somebody buys before the lobby is drawn';
      if (lobby.size > 0) return 'a newcomer comes before a member of the lobby';
    }
    return null;
  }

  function linesOf(value: unknown, mayLack: boolean): Line[] | null {
    if (!Array.isArray(value) || (value.length === 0 && !mayLack)) return null;
    for (const line of value as unknown[]) {
      if (!Array.isArray(line) || line.length !== 3) return null;
      const [sku, quantity, price] = line as unknown[];
      if (typeof sku !== 'string' || !stock.has(sku) || !isCount(quantity) || quantity < 1 || !isCount(price))
        return null;
    }
    return value as Line[];
  }

  function countUnits(lines: Line[], sign: number): string | null {
    if (sign === 0) return null;
    for (const [sku, quantity] of lines) {
      const units = (out.get(sku) ?? 0) + sign * quantity;
      out.set(sku, units);
      if (units > (stock.get(sku) ?? 0))
        return `${units} units are out, and there are ${stock.get(sku) ?? 0}`;
    }
    return null;
  }

  return {
    follow(fact) {
      place = null;
      if (fact.ticketId !== null) return followTicket(fact, fact.ticketId);
      if (!saleKinds.has(fact.type)) throw new UnknownKind(fact.type);
      if (fact.type !== 'drawn') return followSale(fact);
      return draw.drawn(fact, [...lobby]);
    },
    place: () => place,
    tickets: () => tickets.size,
  };
}

function unitsOut(status: string): number {
  return status === 'held' || status === 'confirmed' ? 1 : 0;
}
