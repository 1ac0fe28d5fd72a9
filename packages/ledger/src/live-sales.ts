import type { RunLedger } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';

/** Every sale that a gate must have, with what the sweep compares; the deadline is one step down an index. */
const liveSalesStatement: Statement = {
  name: 'live-sales',
  text: `
    select s.id, s.shard, s.terms_version, g.epoch, g.revision, g.committed_seq, g.tip, g.position, g.head, g.ran_at,
           (select min(r.expires_at) from reservations r where r.sale_id = s.id) as next_deadline
      from sales s join gates g on g.sale_id = s.id and g.region = $1
     order by s.id`,
};

interface LiveRow {
  id: string;
  shard: string;
  terms_version: number;
  epoch: number;
  revision: number;
  committed_seq: number;
  tip: string;
  position: number;
  head: string;
  ran_at: number;
  next_deadline: number | null;
}

export async function liveSales(db: Queryable, region: string): ReturnType<RunLedger['liveSales']> {
  const rows = await rowsOf<LiveRow>(db, liveSalesStatement, [region]);
  return rows.map((row) => ({
    saleId: row.id,
    shard: row.shard,
    termsVersion: row.terms_version,
    nextDeadline: row.next_deadline,
    cursor: {
      epoch: row.epoch,
      revision: row.revision,
      committedSeq: row.committed_seq,
      tip: row.tip,
      position: row.position,
      head: row.head,
      ranAt: row.ran_at,
    },
  }));
}
