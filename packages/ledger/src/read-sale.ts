import type {
  Counters,
  Cursor,
  Draw,
  Item,
  LedgerSale,
  Sale,
  SaleChallenge,
  SaleStatus,
} from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';

/** Epoch, revision, cursor and tip, with the sale's terms and counters, in one statement and so at one instant. */
const readSaleStatement: Statement = {
  name: 'read-sale',
  text: `
    select s.id, s.name, s.status, s.opens_at, s.closes_at, s.hold_seconds, s.per_buyer_limit, s.currency, s.shard,
           s.config, s.terms_version, s.created_at,
           d.commitment, d.beacon, d.members, d.list_hash, d.placed,
           case when d.members is not null then d.seed end as seed,
           g.epoch, g.revision, g.committed_seq, g.tip, g.position, g.head, g.ran_at, g.waiting,
           (select json_agg(i order by i.place) from items i where i.sale_id = s.id) as items
      from sales s join gates g on g.sale_id = s.id and g.region = $2 left join draws d on d.sale_id = s.id
     where s.id = $1`,
};

interface SaleRow {
  id: string;
  name: string;
  status: string;
  opens_at: number | null;
  closes_at: number | null;
  hold_seconds: number;
  per_buyer_limit: number | null;
  currency: string;
  shard: string;
  config: string;
  terms_version: number;
  created_at: number;
  commitment: string | null;
  beacon: string | null;
  members: number | null;
  list_hash: string | null;
  seed: string | null;
  placed: number | null;
  epoch: number;
  revision: number;
  committed_seq: number;
  tip: string;
  position: number;
  head: string;
  ran_at: number;
  waiting: number;
  items: ItemRow[];
}

interface ItemRow extends Counters {
  sku: string;
  name: string;
  description: string | null;
  image_url: string | null;
  price_minor: number;
  withdrawn: number;
}

/** Settings of a sale that no statement filters by. */
export interface SaleConfig {
  waitlist: boolean;
  extension: Sale['extension'];
  /** Absent in sales from before there were challenges. */
  challenge?: SaleChallenge | null;
}

export async function readSale(db: Queryable, saleId: string, region: string): Promise<LedgerSale | null> {
  const [row] = await rowsOf<SaleRow>(db, readSaleStatement, [saleId, region]);
  return row === undefined ? null : saleOf(row);
}

function saleOf(row: SaleRow): LedgerSale {
  const items = new Map<string, Counters>();
  const withdrawn = new Map<string, number>();
  for (const item of row.items) {
    items.set(item.sku, { stock: item.stock, returned: item.returned, taken: item.taken });
    withdrawn.set(item.sku, item.withdrawn);
  }
  const cursor: Cursor = {
    epoch: row.epoch,
    revision: row.revision,
    committedSeq: row.committed_seq,
    tip: row.tip,
    position: row.position,
    head: row.head,
    ranAt: row.ran_at,
  };
  const sale: Sale = {
    id: row.id,
    name: row.name,
    status: row.status as SaleStatus,
    opensAt: row.opens_at,
    closesAt: row.closes_at,
    holdSeconds: row.hold_seconds,
    perBuyerLimit: row.per_buyer_limit,
    currency: row.currency,
    shard: row.shard,
    ...(JSON.parse(row.config) as SaleConfig),
    items: row.items.map(itemOf),
    createdAt: row.created_at,
    termsVersion: row.terms_version,
  };
  if (row.commitment !== null) sale.draw = drawOf({ ...row, commitment: row.commitment });
  return { sale, cursor, items, withdrawn, waiting: row.waiting, placed: row.placed ?? 0 };
}

/** The seed comes with what was drawn, and not before. */
function drawOf({
  commitment,
  beacon,
  seed,
  members,
  list_hash: listHash,
}: SaleRow & { commitment: string }): Draw {
  const result = seed === null || members === null || listHash === null ? null : { seed, members, listHash };
  return { commitment, beacon, result };
}

function itemOf(row: ItemRow): Item {
  return {
    sku: row.sku,
    name: row.name,
    description: row.description,
    imageUrl: row.image_url,
    priceMinor: row.price_minor,
  };
}
