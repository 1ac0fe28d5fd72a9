import type { EventType, SaleStatus } from '@holdfast/core';
import { numbers, texts } from '../columns.ts';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

/** Where the ledger stands for one sale: what a chart needs every second, from counters and no rows. */
export interface LedgerPulse {
  saleId: string;
  status: SaleStatus;
  committedSeq: number;
  position: number;
  /** Units that buyers hold or have bought. */
  units: number;
}

const pulseStatement: Statement = {
  name: 'ledger-pulse',
  text: `
    select s.id as "saleId", s.status, g.committed_seq as "committedSeq", g.position,
           (select sum(i.taken - i.returned - i.withdrawn)::bigint from items i where i.sale_id = s.id) as units
      from sales s join gates g on g.sale_id = s.id and g.region = $1
     where s.status not in ('draft', 'settled')
     order by g.ran_at desc, s.id limit $2`,
};

export function ledgerPulse(db: Queryable, region: string, limit: number): Promise<LedgerPulse[]> {
  return rowsOf<LedgerPulse>(db, pulseStatement, [region, limit]);
}

/** Positions behind `from`, up to and with `to`. */
export interface Stretch {
  saleId: string;
  from: number;
  to: number;
}

export interface EventsOfType {
  saleId: string;
  type: EventType;
  count: number;
}

const eventsStatement: Statement = {
  name: 'events-per-type',
  text: `
    select e.sale_id as "saleId", e.type, count(*)::bigint as count
      from unnest($1::text[], $2::bigint[], $3::bigint[]) as s (sale_id, behind, upto)
      join events e on e.sale_id = s.sale_id and e.position > s.behind and e.position <= s.upto
     group by 1, 2`,
};

export async function eventsPerType(db: Queryable, stretches: readonly Stretch[]): Promise<EventsOfType[]> {
  if (stretches.length === 0) return [];
  return rowsOf<EventsOfType>(db, eventsStatement, [
    texts(stretches.map((stretch) => stretch.saleId)),
    numbers(stretches.map((stretch) => stretch.from)),
    numbers(stretches.map((stretch) => stretch.to)),
  ]);
}
