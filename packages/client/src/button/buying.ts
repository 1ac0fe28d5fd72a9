import type { Payment, RefusalCode, Ticket } from '../ticket.ts';
import type { Sale } from '../sale.ts';

/** What one buyer knows of one purchase: everything that is shown follows from this and the time. Nothing here does I/O. */
export interface Buying {
  sale: Sale | null;
  /** The server said that there is no such sale. */
  isUnknown: boolean;
  ticket: Ticket | null;
  /** Under way, and not answered yet. */
  asked: Verb | null;
  /** The last thing asked was refused, or had no answer; forgotten when something else is asked. */
  trouble: Trouble | null;
  payment: Payment | null;
  /** The sale's rule for extensions is used up. */
  noMoreTime: boolean;
  /** The buyer is asked whether to really give it back. */
  isLeaving: boolean;
  /** False while the server cannot be reached: what is shown is then the last that was known. */
  isConnected: boolean;
  /** When something came last, in milliseconds of this device's clock. */
  heardAt: number;
  /** How far the server's clock is ahead of this device's, in milliseconds. */
  clockMs: number;
  /** Where the line was when it was first seen, to tell how fast it moves. */
  lineSeen: { ahead: number; at: number } | null;
}

export type Verb = 'reserve' | 'join' | 'confirm' | 'extend' | 'cancel';
/** `unreachable`: it may or may not have been done; asking again is safe. */
export type Trouble = RefusalCode | 'unreachable';

export type Happening =
  | { kind: 'sale'; sale: Sale }
  | { kind: 'unknown_sale' }
  | { kind: 'ticket'; ticket: Ticket }
  | { kind: 'paying'; payment: Payment }
  | { kind: 'asked'; verb: Verb }
  | { kind: 'refused'; verb: Verb; code: Trouble }
  | { kind: 'leaving'; isLeaving: boolean }
  | { kind: 'reached' }
  | { kind: 'lost' }
  /** There is no ticket any more: unknown to the server, or put aside by the buyer. */
  | { kind: 'forgotten' };

export const nothingKnown: Buying = {
  sale: null,
  isUnknown: false,
  ticket: null,
  asked: null,
  trouble: null,
  payment: null,
  noMoreTime: false,
  isLeaving: false,
  isConnected: true,
  heardAt: 0,
  clockMs: Number.NEGATIVE_INFINITY,
  lineSeen: null,
};

/** What is known after something happened at `at`, by this device's clock in milliseconds. */
export function after(buying: Buying, happening: Happening, at: number): Buying {
  switch (happening.kind) {
    case 'sale': {
      // The answer that was on its way for the shortest time shows the least of it: the largest difference is the best.
      const clockMs = Math.max(buying.clockMs, Date.parse(happening.sale.serverTime) - at);
      return { ...buying, sale: happening.sale, isUnknown: false, isConnected: true, heardAt: at, clockMs };
    }
    case 'unknown_sale':
      return { ...buying, isUnknown: true, isConnected: true };
    case 'ticket':
      return afterTicket(buying, happening.ticket, at);
    case 'paying':
      return { ...buying, payment: happening.payment };
    case 'asked':
      return { ...buying, asked: happening.verb, trouble: null, isLeaving: false };
    case 'refused':
      return {
        ...buying,
        asked: buying.asked === happening.verb ? null : buying.asked,
        trouble: happening.code,
        noMoreTime: buying.noMoreTime || happening.code === 'extension_limit',
      };
    case 'leaving':
      return { ...buying, isLeaving: happening.isLeaving };
    case 'reached':
      return { ...buying, isConnected: true, heardAt: at };
    case 'lost':
      return { ...buying, isConnected: false };
    case 'forgotten': {
      const { sale, isConnected, heardAt, clockMs } = buying;
      return { ...nothingKnown, sale, isConnected, heardAt, clockMs };
    }
  }
}

function afterTicket(buying: Buying, ticket: Ticket, at: number): Buying {
  const last = buying.ticket?.id === ticket.id ? buying.ticket : null;
  // An answer that was overtaken by a newer one.
  if (last !== null && last.version > ticket.version) return { ...buying, asked: null };
  const inLine = ticket.status === 'queued';
  return {
    ...buying,
    ticket,
    asked: null,
    trouble: last?.status === ticket.status ? buying.trouble : null,
    payment: ticket.status === 'held' || ticket.status === 'expired' ? buying.payment : null,
    isLeaving: buying.isLeaving && last?.status === ticket.status,
    noMoreTime: last !== null && buying.noMoreTime,
    isConnected: true,
    heardAt: at,
    lineSeen: inLine ? (buying.lineSeen ?? { ahead: ticket.ahead, at }) : null,
  };
}

/** What a buyer sees. Each has all that is needed to put it into words, in any language. */
export type Screen =
  | { kind: 'loading' }
  | { kind: 'unknown' }
  /** `opensInMs` is null when nobody has said. */
  | { kind: 'early'; opensInMs: number | null; hasLobby: boolean }
  | { kind: 'offer' }
  | { kind: 'sold_out'; hasWaitlist: boolean }
  | { kind: 'paused' }
  | { kind: 'over' }
  | { kind: 'asking' }
  | { kind: 'lobby'; opensInMs: number | null }
  | { kind: 'line'; ahead: number; secondsLeft: number | null }
  | { kind: 'waitlist' }
  | { kind: 'held'; leftMs: number; hurry: Hurry; isPaying: boolean }
  /** The deadline is over, and the server has not said yet what became of the hold. */
  | { kind: 'lapsing' }
  | { kind: 'bought' }
  | { kind: 'cancelled' }
  | { kind: 'expired'; mayHavePaid: boolean }
  | { kind: 'rejected'; reason: RefusalCode | null }
  | { kind: 'returned' }
  | { kind: 'refund_due' }
  | { kind: 'refunded' };

/** How near the end of a hold is: each step is said once. */
export type Hurry = 'none' | 'minute' | 'seconds';

const minuteMs = 60_000;
const secondsMs = 20_000;

export function screenOf(buying: Buying, now: number, sku?: string): Screen {
  const { sale, ticket } = buying;
  const serverNow = serverTime(buying, now);
  if (ticket !== null) return ticketScreen(buying, ticket, serverNow, now);
  if (buying.asked === 'reserve' || buying.asked === 'join') return { kind: 'asking' };
  if (buying.isUnknown) return { kind: 'unknown' };
  if (sale === null) return { kind: 'loading' };
  switch (sale.status) {
    case 'draft':
    case 'scheduled':
    case 'lobby':
      return { kind: 'early', opensInMs: opensIn(sale, serverNow), hasLobby: sale.status === 'lobby' };
    case 'open': {
      const item = itemOf(sale, sku);
      if (item === undefined) return { kind: 'unknown' };
      return item.available > 0 ? { kind: 'offer' } : { kind: 'sold_out', hasWaitlist: sale.waitlist };
    }
    case 'paused':
      return { kind: 'paused' };
    case 'closed':
    case 'settled':
    case 'cancelled':
      return { kind: 'over' };
  }
}

function ticketScreen(buying: Buying, ticket: Ticket, serverNow: number, now: number): Screen {
  switch (ticket.status) {
    case 'lobby':
      return { kind: 'lobby', opensInMs: buying.sale === null ? null : opensIn(buying.sale, serverNow) };
    case 'queued':
      return { kind: 'line', ahead: ticket.ahead, secondsLeft: secondsInLine(buying, ticket.ahead, now) };
    case 'waitlisted':
      return { kind: 'waitlist' };
    case 'held': {
      const leftMs = Date.parse(ticket.expiresAt ?? '') - serverNow;
      if (leftMs <= 0) return { kind: 'lapsing' };
      const hurry = leftMs <= secondsMs ? 'seconds' : leftMs <= minuteMs ? 'minute' : 'none';
      return { kind: 'held', leftMs, hurry, isPaying: buying.payment !== null };
    }
    case 'confirmed':
      return { kind: 'bought' };
    case 'expired':
      return { kind: 'expired', mayHavePaid: buying.payment !== null };
    case 'rejected':
      return { kind: 'rejected', reason: ticket.reason };
    case 'cancelled':
    case 'returned':
    case 'refund_due':
    case 'refunded':
      return { kind: ticket.status };
  }
}

/** How long somebody must have watched the line before it can be said how fast it moves. */
const paceMs = 2_000;

/** An honest estimate: what was seen of the line's speed, or null while there is nothing to judge by. */
function secondsInLine({ lineSeen }: Buying, ahead: number, now: number): number | null {
  if (lineSeen === null) return null;
  const wentBy = lineSeen.ahead - ahead;
  const tookMs = now - lineSeen.at;
  if (wentBy <= 0 || tookMs < paceMs) return null;
  return Math.ceil((ahead + 1) * (tookMs / wentBy / 1_000));
}

/** Deadlines are judged by the server's clock; this device's may be wrong by hours. */
export function serverTime({ clockMs }: Buying, now: number): number {
  return Number.isFinite(clockMs) ? now + clockMs : now;
}

export function itemOf(sale: Sale, sku?: string) {
  return sku === undefined ? sale.items[0] : sale.items.find((item) => item.sku === sku);
}

function opensIn(sale: Sale, serverNow: number): number | null {
  return sale.opensAt === null ? null : Math.max(0, Date.parse(sale.opensAt) - serverNow);
}
