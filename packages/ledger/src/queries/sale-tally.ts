import type { ReservationStatus } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

/** Reservations of buyers, counted in rows at one instant; the house's are left out. What is zero is absent. */
export interface SaleTally {
  reservations: { status: ReservationStatus; reservations: number }[];
  /** `minor`: what these units cost, in minor units of the sale's currency. */
  units: { sku: string; status: ReservationStatus; units: number; minor: number }[];
}

const tallyStatement: Statement = {
  name: 'sale-tally',
  text: `
    with bought as (select ticket_id, status from reservations where sale_id = $1 and buyer_id <> '')
    select status, null as sku, count(*)::bigint as count, 0::bigint as minor from bought group by status
    union all
    select b.status, l.sku, sum(l.quantity)::bigint, sum(l.quantity * l.unit_price_minor)::bigint
      from bought b join reservation_lines l on l.ticket_id = b.ticket_id group by b.status, l.sku`,
};

interface TallyRow {
  status: ReservationStatus;
  /** Null for a count of reservations. */
  sku: string | null;
  count: number;
  minor: number;
}

export async function saleTally(db: Queryable, saleId: string): Promise<SaleTally> {
  const tally: SaleTally = { reservations: [], units: [] };
  for (const { status, sku, count, minor } of await rowsOf<TallyRow>(db, tallyStatement, [saleId])) {
    if (sku === null) tally.reservations.push({ status, reservations: count });
    else tally.units.push({ sku, status, units: count, minor });
  }
  return tally;
}
