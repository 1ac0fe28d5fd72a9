import type { Tally } from '@holdfast/core';
import { numbers, texts } from './columns.ts';
import type { Queryable, Statement } from './database.ts';

// By the hour only what is shown by the hour: items and buckets per hour would be 150,000 rows for a month of 50 items.
const addStatement: Statement = {
  name: 'add-tallies',
  text: `insert into statistics (sale_id, hour, measure, key, reservations, units, amount_minor)
         select $1, case when key = '' then date_trunc('hour', to_timestamp($2::float8 / 1000.0)) else 'epoch' end,
                measure, key, reservations, units, amount_minor
           from unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
             as t (measure, key, reservations, units, amount_minor)
         on conflict (sale_id, hour, measure, key) do update
            set reservations = statistics.reservations + excluded.reservations,
                units = statistics.units + excluded.units,
                amount_minor = statistics.amount_minor + excluded.amount_minor`,
};

/** Inside the transaction of the run that counted them, so that they are true exactly when the rows are. */
export async function addTallies(
  db: Queryable,
  saleId: string,
  ranAt: number,
  tallies: readonly Tally[],
): Promise<void> {
  await db.query({
    ...addStatement,
    values: [
      saleId,
      ranAt,
      texts(tallies.map((tally) => tally.measure)),
      texts(tallies.map((tally) => tally.key)),
      numbers(tallies.map((tally) => tally.reservations)),
      numbers(tallies.map((tally) => tally.units)),
      numbers(tallies.map((tally) => tally.amountMinor)),
    ],
  });
}
