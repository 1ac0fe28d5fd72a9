import type { ReservationStatus } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

/** Counted in rows, not read from counters. */
export interface UnitsInRows {
  saleId: string;
  sku: string;
  status: ReservationStatus;
  /** Withdrawn by the house. */
  house: boolean;
  units: number;
}

export interface RowCount {
  saleId: string;
  status: ReservationStatus;
  house: boolean;
  reservations: number;
}

const unitsStatement: Statement = {
  name: 'units-in-rows',
  text: `
    select r.sale_id as "saleId", l.sku, r.status, r.buyer_id = '' as house, sum(l.quantity)::bigint as units
      from reservations r join reservation_lines l on l.ticket_id = r.ticket_id
     where r.sale_id = any($1::text[])
     group by 1, 2, 3, 4`,
};

/** Units per item and status of these sales; what is zero is absent. */
export function unitsInRows(db: Queryable, saleIds: string[]): Promise<UnitsInRows[]> {
  return rowsOf<UnitsInRows>(db, unitsStatement, [saleIds]);
}

const rowsStatement: Statement = {
  name: 'rows-per-status',
  text: `
    select sale_id as "saleId", status, buyer_id = '' as house, count(*)::bigint as reservations
      from reservations where sale_id = any($1::text[])
     group by 1, 2, 3`,
};

/** Reservations per status of these sales. */
export function rowsPerStatus(db: Queryable, saleIds: string[]): Promise<RowCount[]> {
  return rowsOf<RowCount>(db, rowsStatement, [saleIds]);
}
