import type { Cursor } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';

/** Where a transaction leads the sale. */
export interface Step {
  epoch: number;
  committedSeq: number;
  tip: string;
  position: number;
  head: string;
  ranAt: number;
  /** Change of the number of those who wait. */
  waiting: number;
}

/**
 * The comparison that every transaction on a sale carries: all as read, or nothing. A cursor alone would not fence a
 * transaction that leaves it unchanged (an expiry done twice oversells), hence the revision. SKIP LOCKED is no lock for
 * safety: it only saves a run that would lose the comparison anyway from waiting for it.
 */
const fenceStatement: Statement = {
  name: 'fence',
  text: `
    with locked as materialized (
      select sale_id from gates where sale_id = $1 and region = $2 for update skip locked
    ), moved as (
      update gates g
         set revision = g.revision + 1, epoch = $8, committed_seq = $9, tip = $10, position = $11, head = $12,
             waiting = g.waiting + $13, ran_at = greatest(g.ran_at, $14)
        from locked
       where g.sale_id = $1 and g.region = $2
         and g.epoch = $3 and g.revision = $4 and g.committed_seq = $5 and g.tip = $6 and g.position = $7
      returning g.revision
    )
    select exists (select from locked) as free, exists (select from moved) as moved`,
};

/** First statement of every transaction on a sale. `busy`: another holds it. `stale`: something changed since the read. */
export async function takeFence(
  db: Queryable,
  saleId: string,
  region: string,
  read: Cursor,
  step: Step,
): Promise<'taken' | 'busy' | 'stale'> {
  const [row] = await rowsOf<{ free: boolean; moved: boolean }>(db, fenceStatement, [
    saleId,
    region,
    read.epoch,
    read.revision,
    read.committedSeq,
    read.tip,
    read.position,
    step.epoch,
    step.committedSeq,
    step.tip,
    step.position,
    step.head,
    step.waiting,
    step.ranAt,
  ]);
  if (row === undefined || !row.free) return 'busy';
  return row.moved ? 'taken' : 'stale';
}
