/** Which event may come in which state of a reservation, and where it leads: STATES.md, written a second time. */

export type State =
  | 'new'
  | 'lobby'
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

export interface Step {
  from: ReadonlySet<State>;
  /** Null: the state stays. */
  to: State | null;
}

const step = (to: State | null, ...from: State[]): Step => ({ from: new Set(from), to });
const over: State[] = ['confirmed', 'cancelled', 'expired', 'rejected', 'returned', 'refunded'];
const any: State[] = ['lobby', 'waitlisted', 'held', 'paid_late', 'refund_due', ...over];

export const steps: ReadonlyMap<string, Step> = new Map([
  ['joined', step('lobby', 'new')],
  ['held', step('held', 'new', 'lobby', 'waitlisted')],
  ['waitlisted', step('waitlisted', 'new', 'lobby')],
  ['rejected', step('rejected', 'new', 'lobby', 'waitlisted')],
  ['withdrawn', step('confirmed', 'new')],
  ['confirmed', step('confirmed', 'held', 'paid_late')],
  ['cancelled', step('cancelled', 'lobby', 'waitlisted', 'held')],
  ['expired', step('expired', 'held')],
  ['extended', step('held', 'held')],
  ['prolonged', step('held', 'held')],
  ['paid_late', step('paid_late', 'expired')],
  ['refund_due', step('refund_due', 'paid_late', 'cancelled', 'confirmed')],
  ['refunded', step('refunded', 'refund_due')],
  ['returned', step('returned', 'confirmed')],
  ['refused', step(null, ...any)],
  ['handed_back', step(null, 'new', ...any)],
  ['erased', step(null, ...over)],
]);

export const saleEvents: ReadonlySet<string> = new Set([
  'sale_created',
  'sale_changed',
  'sale_moved',
  'drawn',
  'restocked',
  'gate_rebuilt',
  'repaired',
  'quarantined',
]);

/** Units are out of the stock in these states. */
export function holdsUnits(state: State): boolean {
  return state === 'held' || state === 'confirmed';
}

/** Units count against the buyer's limit in these states. */
export function countsForBuyer(state: State): boolean {
  return holdsUnits(state) || state === 'waitlisted';
}

/** What the buyer sees of it. */
export function shownAs(state: State): string {
  return state === 'paid_late' ? 'expired' : state;
}
