import type { RefusalCode } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

const refusalsStatement: Statement = {
  name: 'refusals-by-reason',
  text: 'select reason, sum(count)::bigint as count from rejections where sale_id = $1 group by reason order by reason',
};

/** Refusals at the gate, which only count. */
export async function refusalsByReason(db: Queryable, saleId: string): Promise<Map<RefusalCode, number>> {
  const rows = await rowsOf<{ reason: RefusalCode; count: number }>(db, refusalsStatement, [saleId]);
  return new Map(rows.map(({ reason, count }) => [reason, count]));
}

const rejectionsStatement: Statement = {
  name: 'rejections-by-reason',
  text: `select coalesce(reason, 'sold_out') as reason, count(*)::bigint as count
           from reservations where sale_id = $1 and status = 'rejected' group by 1 order by 1`,
};

/** Tickets that were acknowledged and then rejected by the ledger; each has a row. */
export async function rejectionsByReason(db: Queryable, saleId: string): Promise<Map<RefusalCode, number>> {
  const rows = await rowsOf<{ reason: RefusalCode; count: number }>(db, rejectionsStatement, [saleId]);
  return new Map(rows.map(({ reason, count }) => [reason, count]));
}
