import type { RefusalCode } from './refusal.ts';
import { house, type Reservation, type ReservationStatus, unitsOf } from './reservation.ts';

/**
 * What a run changed, counted: a few numbers however many reservations it decided. The ledger adds them up per hour, in
 * the run's own transaction, and statistics are read from these sums instead of from a million rows.
 */
export interface Tally {
  /**
   * `<state before>><state after>`, with nothing before the `>` for a reservation that is new; or `rejected`, `queue` or
   * `hold`.
   */
  measure: string;
  /** For a change of state the item, or '' for the reservation as a whole; the reason; or the number of the bucket. */
  key: string;
  reservations: number;
  units: number;
  amountMinor: number;
}

export interface Tallies {
  /** `before` is null for a reservation that is new. */
  moved(before: ReservationStatus | null, after: Reservation): void;
  rejected(reason: RefusalCode): void;
  /** From the place in line to the hold, milliseconds; of whoever was held without waiting for units. */
  queued(milliseconds: number): void;
  /** From the hold to its confirm, milliseconds. */
  held(milliseconds: number): void;
  list(): Tally[];
}

export function createTallies(): Tallies {
  const tallies = new Map<string, Tally>();

  function add(measure: string, key: string, units: number, amountMinor: number): void {
    const name = `${measure}\n${key}`;
    const tally = tallies.get(name);
    if (tally === undefined) {
      tallies.set(name, { measure, key, reservations: 1, units, amountMinor });
      return;
    }
    tally.reservations += 1;
    tally.units += units;
    tally.amountMinor += amountMinor;
  }

  return {
    moved(before, { status, buyerId, lines }) {
      if (before === status || buyerId === house) return;
      const measure = `${before ?? ''}>${status}`;
      let amountMinor = 0;
      for (const { sku, quantity, unitPriceMinor } of lines) {
        amountMinor += quantity * unitPriceMinor;
        add(measure, sku, quantity, quantity * unitPriceMinor);
      }
      add(measure, '', unitsOf(lines), amountMinor);
    },
    rejected: (reason) => add('rejected', reason, 0, 0),
    queued: (milliseconds) => add('queue', String(bucketOf(milliseconds)), 0, 0),
    held: (milliseconds) => add('hold', String(bucketOf(milliseconds)), 0, 0),
    list: () => [...tallies.values()],
  };
}

/** Each bucket of time is a sixteenth wider than the one before. */
const growth = Math.log(17 / 16);

/** The bucket of a duration; 0 holds what is no longer than a millisecond. A day is bucket 302. */
export function bucketOf(milliseconds: number): number {
  return milliseconds <= 1 ? 0 : Math.ceil(Math.log(milliseconds) / growth - 1e-9);
}

/** The middle of a bucket, milliseconds: at most a thirty-second, 3 %, off whatever fell into it. */
export function durationOf(bucket: number): number {
  return bucket === 0 ? 1 : Math.exp((bucket - 0.5) * growth);
}
