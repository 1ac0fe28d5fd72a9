import type { RefusalCode } from './refusal.ts';
import type { ReservationStatus } from './reservation.ts';

export type SaleStatus =
  | 'draft'
  | 'scheduled'
  | 'lobby'
  | 'open'
  | 'paused'
  | 'closed'
  | 'settled'
  | 'cancelled';

export interface Item {
  sku: string;
  name: string;
  description: string | null;
  imageUrl: string | null;
  /** Price of one unit in minor units of the sale's currency. */
  priceMinor: number;
}

/** How often, and by how much in all, a hold of this sale may be extended. */
export interface ExtensionRule {
  times: number;
  totalSeconds: number;
}

/**
 * What newcomers must do before the gate is asked for units; another kind is another member of this union.
 * `difficulty`: the most tries that a solution takes; half of them on average.
 */
export type SaleChallenge = { kind: 'proof_of_work'; difficulty: number };

/** How the members of a sale's lobby get their order: what of it is public. */
export interface Draw {
  /** SHA-256 of the seed, in hex: published when the lobby opened, so that the seed cannot be chosen afterwards. */
  commitment: string;
  beacon: string | null;
  /** What was drawn; null while the lobby may still change. */
  result: DrawResult | null;
}

export interface DrawResult {
  /** 32 bytes in hex. */
  seed: string;
  members: number;
  /** SHA-256 of the members' ticket ids in the order of joining. */
  listHash: string;
}

/** What a merchant set. Times are epoch milliseconds. */
export interface Sale {
  id: string;
  name: string;
  status: SaleStatus;
  opensAt: number | null;
  closesAt: number | null;
  holdSeconds: number;
  perBuyerLimit: number | null;
  currency: string;
  waitlist: boolean;
  extension: ExtensionRule;
  shard: string;
  items: Item[];
  createdAt: number;
  /** Grows with every change of the sale; an edge that acts on older terms is told so by the gate. */
  termsVersion: number;
  /** Absent or null: newcomers need not do anything first. */
  challenge?: SaleChallenge | null;
  /** Present once the sale has opened a lobby. */
  draw?: Draw;
}

/** The three counters of an item that the ledger keeps; all only grow. `stock` is the initial stock plus restocks. */
export interface Counters {
  stock: number;
  returned: number;
  taken: number;
}

/** `ceiling = stock + returned`: how many units the gate may have given in all. */
export function ceilingOf(counters: Counters): number {
  return counters.stock + counters.returned;
}

export type SaleVerb = 'schedule' | 'openLobby' | 'open' | 'pause' | 'resume' | 'close' | 'settle' | 'cancel';

/** The state machine of a sale; an absent verb is refused with `invalid_transition`. Sold out is derived, never a state. */
const saleMoves: Record<SaleStatus, Partial<Record<SaleVerb, SaleStatus>>> = {
  draft: { schedule: 'scheduled', openLobby: 'lobby', open: 'open', cancel: 'cancelled' },
  scheduled: { openLobby: 'lobby', open: 'open', close: 'closed', cancel: 'cancelled' },
  lobby: { open: 'open', close: 'closed', cancel: 'cancelled' },
  open: { pause: 'paused', close: 'closed', cancel: 'cancelled' },
  paused: { open: 'open', resume: 'open', close: 'closed', cancel: 'cancelled' },
  closed: { open: 'open', settle: 'settled', cancel: 'cancelled' },
  settled: {},
  cancelled: { settle: 'settled' },
};

/** The status that `verb` leads to from `status`, or null where the state machine has no such move. */
export function moveSale(status: SaleStatus, verb: SaleVerb): SaleStatus | null {
  return saleMoves[status][verb] ?? null;
}

/**
 * Whether nobody can join any more and the order must be drawn: the sale's time has come, or it ended before, and then
 * everyone is told. `now` is the gate's time, in epoch milliseconds.
 */
export function isDrawDue({ status, opensAt, draw }: Sale, now: number): boolean {
  if (draw === undefined || draw.result !== null) return false;
  return status !== 'lobby' || isLobbyOver({ opensAt }, now);
}

/** The opening time ends the lobby: from then on nobody joins, and nothing that the draw depends on may change. */
export function isLobbyOver({ opensAt }: Pick<Sale, 'opensAt'>, now: number): boolean {
  return opensAt !== null && opensAt <= now;
}

/**
 * Reservations that a sale still has to answer when it is over: whoever waits is told that nothing will come, and a sale
 * that is cancelled owes back what was bought. Who paid late has an answer coming from the gate while units may be left.
 */
export const endedBy: Partial<Record<SaleStatus, readonly ReservationStatus[]>> = {
  closed: ['waitlisted'],
  settled: ['waitlisted'],
  cancelled: ['waitlisted', 'paid_late', 'held', 'confirmed'],
};

/** Units that buyers hold or have bought, of all items. */
export function unitsOfBuyers(
  items: ReadonlyMap<string, Counters>,
  withdrawn: ReadonlyMap<string, number>,
): number {
  let units = 0;
  for (const [sku, { taken, returned }] of items) units += taken - returned - (withdrawn.get(sku) ?? 0);
  return units;
}

/** Whether there may be reservations to end, from counters alone; `units` are those that buyers hold or have bought. */
export function hasToEnd(status: SaleStatus, waiting: number, units: number): boolean {
  return endedBy[status] !== undefined && (waiting > 0 || (status === 'cancelled' && units > 0));
}

/** The next move that a sale makes by itself, at its opening or its closing time; a lobby is opened by its draw. */
export function nextMove(
  sale: Pick<Sale, 'status' | 'opensAt' | 'closesAt'>,
): { verb: 'open' | 'close'; at: number } | null {
  if (sale.status === 'scheduled' && sale.opensAt !== null) return { verb: 'open', at: sale.opensAt };
  if (sale.closesAt !== null && moveSale(sale.status, 'close') !== null)
    return { verb: 'close', at: sale.closesAt };
  return null;
}

/**
 * What a newcomer is told in each status; null is admission, at its times. The gate's scripts ask the same of the stored
 * answer, and of the times by its own clock: a scheduled sale opens with no process awake.
 */
export const newcomerRefusals: Record<SaleStatus, RefusalCode | null> = {
  draft: 'not_open',
  scheduled: 'not_open',
  lobby: 'not_open',
  open: null,
  paused: 'paused',
  closed: 'closed',
  settled: 'closed',
  cancelled: 'closed',
};
