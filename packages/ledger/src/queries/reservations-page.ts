import type { Reservation, ReservationStatus } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';
import { columns, reservationOf, type ReservationRow } from '../read-reservations.ts';

export interface ReservationFilter {
  status: ReservationStatus | null;
  buyerId: string | null;
}

/** The place in line of the last reservation of a page. */
export interface PlaceCursor {
  epoch: number;
  seq: number;
}

// The region comes first, so that the unique index of the places in line gives the order without a sort.
const pageStatement: Statement = {
  name: 'reservations-filtered-page',
  text: `
    select ${columns} from reservations r
     where r.sale_id = $1 and r.region = $2 and (r.epoch, r.seq) > ($3, $4)
       and ($5::text is null or r.status = $5) and ($6::text is null or r.buyer_id = $6)
     order by r.epoch, r.seq limit $7`,
};

/** Reservations of a sale in the order of the line, behind `after`. */
export async function reservationsPage(
  db: Queryable,
  region: string,
  saleId: string,
  filter: ReservationFilter,
  after: PlaceCursor | null,
  limit: number,
): Promise<Reservation[]> {
  const rows = await rowsOf<ReservationRow>(db, pageStatement, [
    saleId,
    region,
    after?.epoch ?? -1,
    after?.seq ?? -1,
    filter.status,
    filter.buyerId,
    limit,
  ]);
  return rows.map(reservationOf);
}
