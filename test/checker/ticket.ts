import type { Row, Wish } from './evidence.ts';
import type { State } from './path.ts';

/** What a ticket showed from one event on. */
export interface Moment {
  version: number;
  shown: string;
  deadline: number | null;
  at: number;
}

/** All that is known of one ticket: its row, its way through the journal, and what clients were told. */
export interface Ticket {
  id: string;
  row: Row | null;
  state: State;
  version: number;
  epoch: number;
  seq: number;
  lines: Wish;
  deadline: number | null;
  reason: string | null;
  /** It came through the lobby: its place is drawn. */
  joined: boolean;
  /** Held by a grant or by a place, and not at once. */
  moments: Moment[];
  /** Positions in the journal: its first, and its last change. */
  firstPosition: number;
  lastPosition: number;
  /** Events that answer a command of this kind. */
  answered: { confirm: number; cancel: number; extend: number };
  /** By which request it came, as clients know it. */
  cause: string | null;
  /** The earliest that a request for it was sent, and the earliest that it was acknowledged. */
  firstSent: number;
  firstAcknowledged: number;
  /** It has another place than one that was told: it was carried over, or lost and queued again. */
  cameBack: boolean;
}

export function newTicket(id: string, row: Row | null): Ticket {
  return {
    id,
    row,
    state: 'new',
    version: 1,
    epoch: 0,
    seq: 0,
    lines: [],
    deadline: null,
    reason: null,
    joined: false,
    moments: [],
    firstPosition: 0,
    lastPosition: 0,
    answered: { confirm: 0, cancel: 0, extend: 0 },
    cause: null,
    firstSent: Number.POSITIVE_INFINITY,
    firstAcknowledged: Number.POSITIVE_INFINITY,
    cameBack: false,
  };
}

/** Places of all epochs on one line: 2^40 places each. */
export function placeOf(epoch: number, seq: number): number {
  return epoch * 2 ** 40 + seq;
}

/** The same for two wishes that ask for the same. */
export function wishText(lines: Wish): string {
  if (lines.length === 1) return `${lines[0]?.[0]}*${lines[0]?.[1]}`;
  return lines
    .map(([sku, quantity]) => `${sku}*${quantity}`)
    .sort()
    .join(' ');
}

export function unitsOf(lines: Wish): number {
  let units = 0;
  for (const [, quantity] of lines) units += quantity;
  return units;
}

export function add(counts: Map<string, number>, key: string, step: number): number {
  const sum = (counts.get(key) ?? 0) + step;
  counts.set(key, sum);
  return sum;
}
