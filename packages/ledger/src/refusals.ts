import type { RefusalCount } from '@holdfast/core';
import { numbers, texts } from './columns.ts';
import type { Queryable, Statement } from './database.ts';

/** Counts are cumulative per minute, so writing the same ones again changes nothing. */
const recordStatement: Statement = {
  name: 'record-refusals',
  text: `insert into rejections (sale_id, minute, reason, count)
         select $1, to_timestamp(minute / 1000.0), reason, count
           from unnest($2::float8[], $3::text[], $4::bigint[]) as r (minute, reason, count)
         on conflict (sale_id, minute, reason) do update set count = greatest(rejections.count, excluded.count)`,
};

export async function recordRefusals(db: Queryable, saleId: string, refusals: RefusalCount[]): Promise<void> {
  if (refusals.length === 0) return;
  await db.query({
    ...recordStatement,
    values: [
      saleId,
      numbers(refusals.map((refusal) => refusal.minute)),
      texts(refusals.map((refusal) => refusal.reason)),
      numbers(refusals.map((refusal) => refusal.count)),
    ],
  });
}
