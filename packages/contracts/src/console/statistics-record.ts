import { durationOf, type ReservationStatus } from '@holdfast/core';
import { z } from 'zod';

const count = z.int().min(0);
const amount = z.int();

/** What a day or an hour brought: `revenueMinor` of what was bought in it, and what was given back in it. */
const period = {
  unitsSold: count,
  revenueMinor: amount,
  unitsGivenBack: count,
  givenBackMinor: amount,
};

/** Of a histogram whose buckets are a sixteenth wide, so each is within 3 %; null when nothing was timed. */
const times = z.strictObject({
  count,
  p50: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
});

/** The answer of `GET /v1/sales/{id}/stats`. Buyers only: what the house withdrew is no sale. Days and hours are UTC's. */
export const statisticsSchema = z.strictObject({
  saleId: z.string(),
  currency: z.string(),
  /** What is bought now: what was given back is off it. */
  revenueMinor: amount,
  /** Units by what they are now. */
  units: z.strictObject({ sold: count, held: count, waiting: count, returned: count, refundDue: count }),
  /** Reservations by what they are now. */
  reservations: z.strictObject({
    sold: count,
    held: count,
    waiting: count,
    returned: count,
    refundDue: count,
  }),
  refundDueMinor: amount,
  /** `conversion`: confirmed of those that are over; null before one is. */
  holds: z.strictObject({
    made: count,
    confirmed: count,
    expired: count,
    cancelled: count,
    conversion: z.number().min(0).max(1).nullable(),
  }),
  byDay: z.array(z.strictObject({ day: z.iso.date(), ...period })),
  /** Null for a sale that sold on more than 24 hours. */
  byHour: z.array(z.strictObject({ hour: z.iso.datetime(), ...period })).nullable(),
  /** At most ten, by revenue. */
  topItems: z.array(
    z.strictObject({ sku: z.string(), name: z.string(), unitsSold: count, revenueMinor: amount }),
  ),
  /** By reason: at the gate, where they only count, and by the ledger, where each has its row. */
  refusals: z.record(z.string(), count),
  rejections: z.record(z.string(), count),
  /** From the place in line to the hold, of those who were held without waiting for units. */
  queueTimeMs: times,
  /** From the hold to its confirm. */
  holdTimeMs: times,
  queryTimeMs: z.number().min(0),
});

export type Statistics = z.infer<typeof statisticsSchema>;

interface Sum {
  measure: string;
  key: string;
  reservations: number;
  units: number;
  amountMinor: number;
}

interface Sums {
  currency: string;
  names: Record<string, string>;
  totals: readonly Sum[];
  hours: readonly { hour: number; measure: string; units: number; amountMinor: number }[];
  refusals: Partial<Record<string, number>>;
}

const mostItems = 10;
const hourMs = 3_600_000;
const hoursOfADay = 24;

export function statisticsRecord(saleId: string, sums: Sums, queryTimeMs: number): Statistics {
  const { totals, currency, names } = sums;
  const now = (status: ReservationStatus, key = '') => standing(totals, status, key);
  const states = {
    sold: now('confirmed'),
    held: now('held'),
    waiting: now('waitlisted'),
    returned: now('returned'),
    refundDue: now('refund_due'),
  };
  return {
    saleId,
    currency,
    revenueMinor: states.sold.amountMinor,
    units: each(states, (sum) => sum.units),
    reservations: each(states, (sum) => sum.reservations),
    refundDueMinor: states.refundDue.amountMinor,
    holds: holdsOf(totals),
    byDay: periodsOf(sums.hours, (hour) => new Date(hour).toISOString().slice(0, 10)).map(
      ([day, period]) => ({ day, ...period }),
    ),
    byHour: isOfADay(sums.hours)
      ? periodsOf(sums.hours, (hour) => new Date(hour).toISOString()).map(([hour, period]) => ({
          hour,
          ...period,
        }))
      : null,
    topItems: Object.entries(names)
      .map(([sku, name]) => {
        const { units, amountMinor } = now('confirmed', sku);
        return { sku, name, unitsSold: units, revenueMinor: amountMinor };
      })
      .filter(({ unitsSold }) => unitsSold > 0)
      .sort(
        (a, b) => b.revenueMinor - a.revenueMinor || b.unitsSold - a.unitsSold || (a.sku < b.sku ? -1 : 1),
      )
      .slice(0, mostItems),
    refusals: sums.refusals as Record<string, number>,
    rejections: Object.fromEntries(
      totals.filter(({ measure }) => measure === 'rejected').map((sum) => [sum.key, sum.reservations]),
    ),
    queueTimeMs: timesOf(totals, 'queue'),
    holdTimeMs: timesOf(totals, 'hold'),
    queryTimeMs,
  };
}

/** What came into a state less what left it. */
function standing(
  totals: readonly Sum[],
  status: ReservationStatus,
  key: string,
): Omit<Sum, 'measure' | 'key'> {
  const sum = { reservations: 0, units: 0, amountMinor: 0 };
  for (const { measure, key: of, reservations, units, amountMinor } of totals) {
    const sign = of === key ? signOf(measure, status) : 0;
    sum.reservations += sign * reservations;
    sum.units += sign * units;
    sum.amountMinor += sign * amountMinor;
  }
  return sum;
}

function signOf(measure: string, status: ReservationStatus): -1 | 0 | 1 {
  const [from, to] = measure.split('>');
  if (to === status) return 1;
  return to !== undefined && from === status ? -1 : 0;
}

function each<Key extends string>(
  states: Record<Key, Omit<Sum, 'measure' | 'key'>>,
  pick: (sum: Omit<Sum, 'measure' | 'key'>) => number,
): Record<Key, number> {
  return Object.fromEntries(
    Object.entries(states).map(([name, sum]) => [name, pick(sum as Omit<Sum, 'measure' | 'key'>)]),
  ) as Record<Key, number>;
}

function holdsOf(totals: readonly Sum[]): Statistics['holds'] {
  const count = (fits: (from: string, to: string) => boolean) =>
    totals
      .filter(({ measure, key }) => {
        const [from = '', to] = measure.split('>');
        return key === '' && to !== undefined && fits(from, to);
      })
      .reduce((sum, { reservations }) => sum + reservations, 0);
  const confirmed = count((from, to) => from === 'held' && to === 'confirmed');
  const over = count((from) => from === 'held');
  return {
    made: count((_, to) => to === 'held'),
    confirmed,
    expired: count((from, to) => from === 'held' && to === 'expired'),
    cancelled: count((from, to) => from === 'held' && to === 'cancelled'),
    conversion: over === 0 ? null : confirmed / over,
  };
}

type Period = { [Name in keyof typeof period]: number };

function periodsOf(hours: Sums['hours'], nameOf: (hour: number) => string): [string, Period][] {
  const periods = new Map<string, Period>();
  for (const { hour, measure, units, amountMinor } of hours) {
    const name = nameOf(hour);
    const period = periods.get(name) ?? {
      unitsSold: 0,
      revenueMinor: 0,
      unitsGivenBack: 0,
      givenBackMinor: 0,
    };
    periods.set(name, period);
    if (signOf(measure, 'confirmed') > 0) {
      period.unitsSold += units;
      period.revenueMinor += amountMinor;
    } else {
      period.unitsGivenBack += units;
      period.givenBackMinor += amountMinor;
    }
  }
  return [...periods];
}

function isOfADay(hours: Sums['hours']): boolean {
  const [first, last] = [hours.at(0)?.hour, hours.at(-1)?.hour];
  return first === undefined || last === undefined || last - first < hoursOfADay * hourMs;
}

function timesOf(totals: readonly Sum[], measure: 'queue' | 'hold'): Statistics['queueTimeMs'] {
  const buckets = totals
    .filter((sum) => sum.measure === measure)
    .map(({ key, reservations }) => ({ bucket: Number(key), count: reservations }))
    .sort((a, b) => a.bucket - b.bucket);
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const percentile = (share: number): number | null => {
    let seen = 0;
    for (const { bucket, count: inBucket } of buckets) {
      seen += inBucket;
      if (seen >= share * count) return Math.round(durationOf(bucket) * 10) / 10;
    }
    return null;
  };
  return { count, p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) };
}
