import { hasToEnd, nextMove, type RunLedger, type SaleStatus } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';

/** Every sale that a gate must have, with what the sweep compares; the deadline is one step down an index. */
const liveSalesStatement: Statement = {
  name: 'live-sales',
  text: `
    select s.id, s.shard, s.terms_version, g.epoch, g.revision, g.committed_seq, g.tip, g.position, g.head, g.ran_at,
           d.members, d.placed, s.status, s.opens_at, s.closes_at, g.waiting,
           (select coalesce(json_agg(json_build_array(i.sku, i.stock, i.taken, i.returned, i.withdrawn)), '[]')
              from items i where i.sale_id = s.id) as items,
           (select min(r.expires_at) from reservations r where r.sale_id = s.id) as next_deadline
      from sales s join gates g on g.sale_id = s.id and g.region = $1 left join draws d on d.sale_id = s.id
     order by s.id`,
};

interface LiveRow {
  id: string;
  shard: string;
  terms_version: number;
  status: string;
  opens_at: number | null;
  closes_at: number | null;
  waiting: number;
  items: [sku: string, stock: number, taken: number, returned: number, withdrawn: number][];
  members: number | null;
  /** Null without a lobby. */
  placed: number | null;
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
    drawAt: drawAt(row),
    moveAt: nextMove(statusAndTimes(row))?.at ?? null,
    hasToEnd: hasToEnd(row.status as SaleStatus, row.waiting, unitsIn(row)),
    items: new Map(row.items.map(([sku, stock, taken, returned]) => [sku, { stock, taken, returned }])),
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

/** With buyers. */
function unitsIn({ items }: LiveRow): number {
  return items.reduce((units, [, , taken, returned, withdrawn]) => units + taken - returned - withdrawn, 0);
}

function statusAndTimes({ status, opens_at, closes_at }: LiveRow) {
  return { status: status as SaleStatus, opensAt: opens_at, closesAt: closes_at };
}

function drawAt({ status, opens_at, members, placed }: LiveRow): number | null {
  if (placed === null || (members !== null && placed >= members)) return null;
  return members === null && status === 'lobby' ? opens_at : 0;
}
