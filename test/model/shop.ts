/**
 * What a sale is to the people in it, written apart from the code that sells: who gets a unit, who waits, what each
 * command is told. No cursors, epochs, scripts or statements; `protocol` has those. The gate answers at once, the ledger
 * decides when `commit` is called, and what came back is granted then.
 */
export type Sku = 'tee' | 'cap';
export const skus: readonly Sku[] = ['tee', 'cap'];
export type Wish = Partial<Record<Sku, number>>;

export type Status =
  | 'lobby'
  | 'queued'
  | 'waitlisted'
  | 'held'
  | 'paid_late'
  | 'confirmed'
  | 'cancelled'
  | 'expired'
  | 'rejected'
  | 'returned'
  | 'refund_due'
  | 'refunded';

export interface Terms {
  /** How the story begins: open, waiting for its time, or with a lobby. */
  start: 'open' | 'scheduled' | 'lobby';
  stock: Record<Sku, number>;
  limit: number | null;
  waitlist: boolean;
  extensions: number;
}

export interface ShopTicket {
  name: string;
  buyer: string;
  wish: Wish;
  status: Status;
  /** The hold's deadline has passed, whether or not anybody has noticed. */
  lapsed: boolean;
  extensions: number;
  /** Grows with every change that its buyer sees. */
  version: number;
  /** What the merchant was refused, by kind and version: asked again, what stands in line is decided first. */
  refused: Set<string>;
  /** What each command was told, by its key; absent while undecided. */
  told: Map<string, string>;
}

export type BuyerCommand = { kind: 'confirm' | 'cancel' | 'extend'; key: string; paid: boolean };

type Pending =
  | { kind: 'join'; ticket: ShopTicket }
  | { kind: 'reserve'; ticket: ShopTicket; taken: boolean }
  | { kind: 'command'; ticket: ShopTicket; command: BuyerCommand }
  | { kind: 'grant' | 'deny'; ticket: ShopTicket };

type SaleState = 'scheduled' | 'lobby' | 'open' | 'paused' | 'closed' | 'cancelled';

const over: Record<SaleState, readonly Status[]> = {
  scheduled: [],
  lobby: [],
  open: [],
  paused: [],
  closed: ['waitlisted'],
  cancelled: ['waitlisted', 'paid_late', 'held', 'confirmed'],
};

export function createShop({ start, stock, limit, waitlist, extensions }: Terms) {
  const tickets: ShopTicket[] = [];
  const left = new Map<Sku, number>(skus.map((sku) => [sku, stock[sku]]));
  const owned = new Map<Sku, number>(skus.map((sku) => [sku, stock[sku]]));
  const back = new Map<Sku, number>();
  /** Units that count against the limit, and those given back that the gate has not heard of. */
  const claims = new Map<string, number>();
  const released = new Map<string, number>();
  const members = new Map<string, ShopTicket>();
  const joiners = new Set<ShopTicket>();
  /** Who was decided when the lobby was over: no members for the ledger. */
  const tooLate = new Set<ShopTicket>();
  let pending: Pending[] = [];
  let state: SaleState = start;

  const add = <Key>(counts: Map<Key, number>, key: Key, units: number) =>
    counts.set(key, (counts.get(key) ?? 0) + units);
  const each = (wish: Wish, act: (sku: Sku, units: number) => void) => {
    for (const sku of skus) if (wish[sku] !== undefined) act(sku, wish[sku]);
  };
  const fits = (wish: Wish) => skus.every((sku) => (wish[sku] ?? 0) <= (left.get(sku) ?? 0));
  const unitsOf = (wish: Wish) => skus.reduce((units, sku) => units + (wish[sku] ?? 0), 0);
  const takes = (status: Status) => status === 'held' || status === 'confirmed';
  const counts = (status: Status) => takes(status) || status === 'waitlisted' || status === 'queued';
  const isWithin = (buyer: string, units: number) =>
    limit === null || (claims.get(buyer) ?? 0) + units <= limit;

  /** Units and claims come back to the gate only with the next settlement. */
  function become(ticket: ShopTicket, status: Status): void {
    if (takes(ticket.status) && !takes(status)) each(ticket.wish, (sku, units) => add(back, sku, units));
    if (counts(ticket.status) && !counts(status)) add(released, ticket.buyer, unitsOf(ticket.wish));
    ticket.status = status;
    ticket.version += 1;
    ticket.lapsed = false;
  }

  function decideCommand(ticket: ShopTicket, { kind, key, paid }: BuyerCommand): void {
    if (ticket.told.has(key)) return;
    if (ticket.status === 'held' && ticket.lapsed) become(ticket, 'expired');
    ticket.told.set(key, answerTo(ticket, kind, paid));
  }

  /** Changes the ticket and says what its buyer is told. */
  function answerTo(ticket: ShopTicket, kind: BuyerCommand['kind'], paid: boolean): string {
    switch (ticket.status) {
      case 'lobby':
        if (kind !== 'cancel') return 'not_open';
        become(ticket, 'cancelled');
        return 'ok';
      case 'held':
        if (kind === 'extend') {
          if (++ticket.extensions > extensions) return 'extension_limit';
          ticket.version += 1;
          return 'ok';
        }
        become(ticket, kind === 'confirm' ? 'confirmed' : 'cancelled');
        return 'ok';
      case 'waitlisted':
        if (kind !== 'cancel') return 'sold_out';
        become(ticket, 'cancelled');
        return 'ok';
      case 'expired':
        if (kind !== 'confirm' || !paid) return 'hold_expired';
        become(ticket, 'paid_late');
        return 'ok';
      case 'cancelled':
        if (kind !== 'confirm' || !paid) return 'already_cancelled';
        become(ticket, 'refund_due');
        return 'ok';
      case 'confirmed':
        return 'already_confirmed';
      case 'rejected':
        return kind === 'cancel' ? 'already_cancelled' : 'sold_out';
      case 'returned':
        return 'already_cancelled';
      case 'paid_late':
      case 'refund_due':
      case 'refunded':
        return 'hold_expired';
      case 'queued':
        throw new Error('a reservation is decided before its commands');
    }
  }

  /** Only a member of the lobby can be too late where there is no waitlist: everyone else was told at the gate. */
  function decideReservation(ticket: ShopTicket, taken: boolean): void {
    become(ticket, taken ? 'held' : waitlist ? 'waitlisted' : 'rejected');
  }

  function decide(entry: Pending): void {
    const { ticket } = entry;
    if (entry.kind === 'join') {
      if (state === 'lobby') return;
      become(ticket, 'rejected');
      tooLate.add(ticket);
      return;
    }
    if (entry.kind === 'reserve') decideReservation(ticket, entry.taken);
    else if (entry.kind === 'command') decideCommand(ticket, entry.command);
    else if (entry.kind === 'deny') become(ticket, 'refund_due');
    else become(ticket, ticket.status === 'paid_late' ? 'confirmed' : 'held');
  }

  /** What came back is offered to those who wait, in the order in which they joined, all of a wish or nothing. */
  function settle(): void {
    for (const [sku, units] of back) add(left, sku, units);
    for (const [buyer, units] of released) add(claims, buyer, -units);
    back.clear();
    released.clear();
    for (const ticket of tickets) {
      const late = ticket.status === 'paid_late';
      if (!late && ticket.status !== 'waitlisted') continue;
      const given = fits(ticket.wish) && (!late || isWithin(ticket.buyer, unitsOf(ticket.wish)));
      if (given) {
        each(ticket.wish, (sku, units) => add(left, sku, -units));
        if (late) add(claims, ticket.buyer, unitsOf(ticket.wish));
      }
      if (given || late) pending.push({ kind: given ? 'grant' : 'deny', ticket });
    }
  }

  function commit(): void {
    for (;;) {
      const entries = pending;
      pending = [];
      const due = tickets.filter(({ status, lapsed }) => status === 'held' && lapsed);
      const ending = tickets.filter(({ status }) => over[state].includes(status));
      if (entries.length + due.length + ending.length === 0) {
        settle();
        if (pending.length === 0) return;
        continue;
      }
      entries.forEach(decide);
      for (const ticket of due) if (ticket.status === 'held' && ticket.lapsed) become(ticket, 'expired');
      for (const ticket of ending) if (over[state].includes(ticket.status)) end(ticket);
      settle();
    }
  }

  function end(ticket: ShopTicket): void {
    if (ticket.status === 'waitlisted') become(ticket, 'rejected');
    else become(ticket, ticket.status === 'held' ? 'cancelled' : 'refund_due');
  }

  const someoneWaits = () =>
    tickets.some(({ status }) => status === 'waitlisted') ||
    pending.some((entry) => entry.kind === 'reserve' && !entry.taken);

  function queue(ticket: ShopTicket): void {
    const taken = fits(ticket.wish) && !(waitlist && someoneWaits());
    if (taken) each(ticket.wish, (sku, units) => add(left, sku, -units));
    add(claims, ticket.buyer, unitsOf(ticket.wish));
    ticket.status = 'queued';
    pending.push({ kind: 'reserve', ticket, taken });
  }

  function newTicket(name: string, buyer: string, wish: Wish, status: Status): ShopTicket {
    const ticket = {
      name,
      buyer,
      wish,
      status,
      lapsed: false,
      extensions: 0,
      version: 1,
      refused: new Set<string>(),
      told: new Map<string, string>(),
    };
    tickets.push(ticket);
    return ticket;
  }

  return {
    tickets,
    state: () => state,
    left: (sku: Sku) => left.get(sku) ?? 0,
    /** Each extension of the story is by a minute, and an hour is allowed in all. */
    extensionsLeft(used: number): { left: number; seconds: number } {
      const left = Math.max(0, extensions - used);
      return left === 0 ? { left: 0, seconds: 0 } : { left, seconds: 3_600 - 60 * used };
    },
    hasJoined: (ticket: ShopTicket) => joiners.has(ticket),
    /** A rebuilt gate knows the lobby's members from the ledger; who was too late to be one is told so anew. */
    forgetTooLate(): void {
      for (const ticket of tooLate) if (members.get(ticket.buyer) === ticket) members.delete(ticket.buyer);
    },
    isQuiet: () => pending.length === 0,
    commit,
    /** The new ticket, or the word of the refusal. */
    reserve(name: string, buyer: string, wish: Wish): ShopTicket | string {
      if (state === 'scheduled' || state === 'lobby') return 'not_open';
      if (state !== 'open') return state === 'paused' ? 'paused' : 'closed';
      if (!isWithin(buyer, unitsOf(wish))) return 'limit_reached';
      const joins = waitlist && skus.every((sku) => (wish[sku] ?? 0) <= (owned.get(sku) ?? 0));
      if (!fits(wish) && !joins) return 'sold_out';
      const ticket = newTicket(name, buyer, wish, 'queued');
      queue(ticket);
      return ticket;
    },
    /** The ticket of the lobby, the one this buyer has already, or the word of the refusal. */
    join(name: string, buyer: string, wish: Wish): ShopTicket | string {
      const before = members.get(buyer);
      if (before !== undefined) return before;
      if (state === 'closed' || state === 'cancelled') return 'closed';
      if (state !== 'lobby') return state === 'scheduled' ? 'not_open' : 'invalid_transition';
      if (limit !== null && unitsOf(wish) > limit) return 'limit_reached';
      if (skus.some((sku) => (wish[sku] ?? 0) > (owned.get(sku) ?? 0))) return 'sold_out';
      const ticket = newTicket(name, buyer, wish, 'lobby');
      members.set(buyer, ticket);
      joiners.add(ticket);
      pending.push({ kind: 'join', ticket });
      return ticket;
    },
    /** Everyone who is still in the lobby gets a place, in the order that was drawn elsewhere. */
    draw(order: readonly ShopTicket[]): void {
      commit();
      state = 'open';
      for (const ticket of order) queue(ticket);
      commit();
    },
    /** The gate's clock has passed the opening time; nobody need be awake for it. */
    openByTime(): void {
      state = 'open';
    },
    closeByTime(): void {
      commit();
      state = 'closed';
      commit();
    },
    tell(ticket: ShopTicket, command: BuyerCommand): void {
      pending.push({ kind: 'command', ticket, command });
    },
    /** A committed hold that nobody has a command under way for. */
    canLapse: (ticket: ShopTicket) =>
      ticket.status === 'held' && !ticket.lapsed && !pending.some((entry) => entry.ticket === ticket),
    lapse(ticket: ShopTicket): void {
      ticket.lapsed = true;
    },
    /** For every hold that is open; what is undecided stays so. */
    moreTime(): void {
      for (const ticket of tickets) if (ticket.status === 'held' && !ticket.lapsed) ticket.version += 1;
    },
    restock(sku: Sku, units: number): void {
      add(owned, sku, units);
      add(back, sku, units);
      commit();
    },
    withdraw(sku: Sku, units: number): 'done' | 'not_enough_available' {
      if ((left.get(sku) ?? 0) < units) return 'not_enough_available';
      add(left, sku, -units);
      commit();
      add(owned, sku, -units);
      return 'done';
    },
    move(to: SaleState): void {
      const hadLobby = state === 'lobby';
      state = to;
      commit();
      if (!hadLobby) return;
      for (const ticket of tickets) if (ticket.status === 'lobby') become(ticket, 'rejected');
      commit();
    },
    merchant(ticket: ShopTicket, kind: 'return' | 'refunded'): string {
      const reached = kind === 'return' ? 'returned' : 'refunded';
      const isUndecided = pending.some((entry) => entry.kind === 'join' && entry.ticket === ticket);
      if (ticket.status === 'queued' || isUndecided) return 'unknown_ticket';
      if (ticket.refused.has(`${kind} ${ticket.version}`)) commit();
      if (ticket.status === reached) {
        commit();
        return 'repeated';
      }
      const from = kind === 'return' ? 'confirmed' : 'refund_due';
      const asked = `${kind} ${ticket.version}`;
      const entries = pending;
      pending = [];
      entries.forEach(decide);
      const isRight = ticket.status === from;
      if (isRight) become(ticket, reached);
      else ticket.refused.add(asked);
      commit();
      return isRight ? 'done' : 'invalid_transition';
    },
  };
}

export type Shop = ReturnType<typeof createShop>;
