import type { Reservation, RestorePage } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';
import { columns, reservationOf, type ReservationRow } from './read-reservations.ts';

/** Reservations of one page. */
const pageSize = 1_000;

const position = '(select g.position from gates g where g.sale_id = $1 and g.region = $2)::bigint as "asOf"';

const waitingStatement: Statement = {
  name: 'restore-waiting',
  text: `select ${columns}, ${position} from reservations r
          where r.sale_id = $1 and r.region = $2 and r.status in ('waitlisted', 'paid_late') and r.epoch < $3
          order by r.epoch, r.seq limit $4`,
};

const heldStatement: Statement = {
  name: 'restore-held',
  text: `select ${columns}, ${position} from reservations r
          where r.sale_id = $1 and r.region = $2 and r.epoch < $3
            and (r.expires_at, r.ticket_id) > (to_timestamp($5::float8 / 1000.0), $6)
          order by r.expires_at, r.ticket_id limit $4`,
};

const allStatement: Statement = {
  name: 'restore-all',
  text: `select ${columns}, ${position} from reservations r
          where r.sale_id = $1 and r.region = $2 and (r.epoch, r.seq) < ($3, $5)
          order by r.epoch desc, r.seq desc limit $4`,
};

type Row = ReservationRow & { asOf: number };

export const restoreBegins = 'waiting';

/**
 * The next reservations for a gate that was rebuilt under `epoch`, of those that were decided before: the first who wait,
 * whom units that come back are for; open holds, the next to lapse first; then all, the newest first, so that none is left
 * out that changed its state meanwhile.
 */
export async function restorePage(
  db: Queryable,
  region: string,
  saleId: string,
  epoch: number,
  from: string,
): Promise<RestorePage> {
  const [stage, ...at] = from.split(' ') as [string, ...string[]];
  if (stage === 'waiting') {
    const rows = await rowsOf<Row>(db, waitingStatement, [saleId, region, epoch, pageSize]);
    return pageOf(rows, from, 'held 0 ');
  }
  if (stage === 'held') {
    const [deadline = '0', ticketId = ''] = at;
    const values = [saleId, region, epoch, pageSize, Number(deadline), ticketId];
    const rows = await rowsOf<Row>(db, heldStatement, values);
    const last = rows.at(-1);
    const next = `all ${epoch} 0`;
    const isLast = last === undefined || rows.length < pageSize;
    return pageOf(rows, from, isLast ? next : `held ${last.expires_at} ${last.ticket_id}`);
  }
  const [below = epoch, seq = 0] = at.map(Number);
  const rows = await rowsOf<Row>(db, allStatement, [saleId, region, below, pageSize, seq]);
  const last = rows.at(-1);
  const isLast = last === undefined || rows.length < pageSize;
  return pageOf(rows, from, isLast ? null : `all ${last.epoch} ${last.seq}`);
}

/** Page after page, from the first on. */
export async function* pagesToRestore(
  db: Queryable,
  region: string,
  saleId: string,
  epoch: number,
): AsyncGenerator<RestorePage> {
  let from: string | null = restoreBegins;
  while (from !== null) {
    const page: RestorePage = await restorePage(db, region, saleId, epoch, from);
    yield page;
    from = page.to;
  }
}

function pageOf(rows: Row[], from: string, to: string | null): RestorePage {
  const reservations: Reservation[] = rows.map(reservationOf);
  return { from, to, asOf: rows[0]?.asOf ?? 0, reservations };
}
