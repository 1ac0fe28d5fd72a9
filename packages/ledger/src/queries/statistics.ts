import type { RefusalCode } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

/** What the runs of a sale have added up; `measure` and `key` are those of core's `Tally`. */
export interface StatisticsSum {
  measure: string;
  key: string;
  reservations: number;
  units: number;
  amountMinor: number;
}

export interface StatisticsSums {
  currency: string;
  /** Item names per sku. */
  names: Record<string, string>;
  totals: StatisticsSum[];
  /** Changes into and out of `confirmed`, per hour (epoch milliseconds), the earliest first. */
  hours: { hour: number; measure: string; units: number; amountMinor: number }[];
  /** Refusals at the gate, which only count. */
  refusals: Partial<Record<RefusalCode, number>>;
}

// Nothing here looks at `reservations`: a million of them are a few hundred sums.
export const sumsStatement: Statement = {
  name: 'statistics',
  text: `
    with sums as materialized (
      select hour, measure, key, reservations, units, amount_minor from statistics where sale_id = $1
    )
    select s.currency,
           (select json_object_agg(i.sku, i.name) from items i where i.sale_id = s.id) as names,
           (select coalesce(json_agg(t), '[]') from (
              select measure, key, sum(reservations) as reservations, sum(units) as units,
                     sum(amount_minor) as "amountMinor"
                from sums group by measure, key) as t) as totals,
           (select coalesce(json_agg(h order by h.hour), '[]') from (
              select extract(epoch from hour)::bigint * 1000 as hour, measure, units, amount_minor as "amountMinor"
                from sums
               where key = '' and (measure like '%>confirmed' or measure like 'confirmed>%')) as h) as hours,
           (select coalesce(json_object_agg(reason, count), '{}') from (
              select reason, sum(count) as count from rejections where sale_id = s.id group by reason) as r) as refusals
      from sales s where s.id = $1`,
};

/** Everything that statistics of a sale need, in one statement and so of one instant. Null when there is no such sale. */
export async function statistics(db: Queryable, saleId: string): Promise<StatisticsSums | null> {
  const [row] = await rowsOf<StatisticsSums>(db, sumsStatement, [saleId]);
  return row ?? null;
}
