import type { Line, Outcome, RefusalCode, Reservation, ReservationStatus } from '@holdfast/core';
import { texts } from './columns.ts';
import { type Queryable, rowsOf, type Statement } from './database.ts';

export interface ReservationRow {
  ticket_id: string;
  sale_id: string;
  seq: number;
  epoch: number;
  buyer_id: string;
  idempotency_key: string | null;
  fingerprint: string | null;
  status: string;
  version: number;
  reserved_at: number;
  held_at: number | null;
  expires_at: number | null;
  confirmed_at: number | null;
  payment_ref: string | null;
  reason: string | null;
  extensions: number;
  extended_seconds: number;
  tip: string;
  outcomes: string | null;
  lines: Line[];
}

export const columns = `
  r.ticket_id, r.sale_id, r.seq, r.epoch, r.buyer_id, r.idempotency_key, r.fingerprint, r.status, r.version,
  r.reserved_at, r.held_at, r.expires_at, r.confirmed_at, r.payment_ref, r.reason, r.extensions, r.extended_seconds, r.tip,
  r.outcomes,
  (select json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity, 'unitPriceMinor', l.unit_price_minor)
                   order by l.sku)
     from reservation_lines l where l.ticket_id = r.ticket_id) as lines`;

const byTicket: Statement = {
  name: 'reservations-by-ticket',
  text: `select ${columns} from reservations r where r.ticket_id = any($2::text[]) and r.sale_id = $1`,
};

export async function readReservations(
  db: Queryable,
  saleId: string,
  ticketIds: string[],
): Promise<Reservation[]> {
  if (ticketIds.length === 0) return [];
  return (await rowsOf<ReservationRow>(db, byTicket, [saleId, ticketIds])).map(reservationOf);
}

const due: Statement = {
  name: 'reservations-due',
  text: `select ${columns} from reservations r
          where r.sale_id = $1 and r.expires_at < to_timestamp($2::float8 / 1000.0)
          order by r.expires_at, r.epoch, r.seq limit $3`,
};

/** Holds whose deadline is before `before` (epoch milliseconds), the longest overdue first. */
export async function dueHolds(
  db: Queryable,
  saleId: string,
  before: number,
  limit: number,
): Promise<Reservation[]> {
  return (await rowsOf<ReservationRow>(db, due, [saleId, before, limit])).map(reservationOf);
}

const inStatuses: Statement = {
  name: 'reservations-in',
  text: `select ${columns} from reservations r
          where r.sale_id = $1 and r.status = any($2::text[]) and r.buyer_id <> '' order by r.epoch, r.seq limit $3`,
};

/** Reservations of buyers in one of these states, the first in line first; for a sale that is over. */
export async function reservationsIn(
  db: Queryable,
  saleId: string,
  statuses: readonly ReservationStatus[],
  limit: number,
): Promise<Reservation[]> {
  return (await rowsOf<ReservationRow>(db, inStatuses, [saleId, texts(statuses), limit])).map(reservationOf);
}

const open: Statement = {
  name: 'reservations-open',
  text: `select ${columns} from reservations r
          where r.sale_id = $1 and r.expires_at >= to_timestamp($2::float8 / 1000.0)
            and strpos(coalesce(r.outcomes, ''), $3) = 0
          order by r.expires_at, r.epoch, r.seq limit $4`,
};

/** Holds that are open at `now` (epoch milliseconds) and have not had this command, those that lapse first at the head. */
export async function openHolds(
  db: Queryable,
  saleId: string,
  now: number,
  commandId: string,
  limit: number,
): Promise<Reservation[]> {
  const values = [saleId, now, JSON.stringify(commandId), limit];
  return (await rowsOf<ReservationRow>(db, open, values)).map(reservationOf);
}

const ofBuyer: Statement = {
  name: 'reservations-of-a-buyer',
  text: `select ${columns} from reservations r
          where r.sale_id = $1 and r.buyer_id = $2 order by r.epoch, r.seq limit $3`,
};

/** All states, the first in line first. */
export async function reservationsOfBuyer(
  db: Queryable,
  saleId: string,
  buyerId: string,
  limit: number,
): Promise<Reservation[]> {
  return (await rowsOf<ReservationRow>(db, ofBuyer, [saleId, buyerId, limit])).map(reservationOf);
}

const nextDeadlineStatement: Statement = {
  name: 'next-deadline',
  text: 'select min(expires_at) as at from reservations where sale_id = $1',
};

export async function nextDeadline(db: Queryable, saleId: string): Promise<number | null> {
  const [row] = await rowsOf<{ at: number | null }>(db, nextDeadlineStatement, [saleId]);
  return row?.at ?? null;
}

const used: Statement = {
  name: 'units-used',
  text: `select buyer_id as buyer, sum(units)::bigint as units from reservations
          where sale_id = $1 and buyer_id = any($2::text[]) and status in ('held', 'confirmed', 'waitlisted')
          group by buyer_id`,
};

/** Units that count against the limit of each of these buyers; a buyer without any is absent. */
export async function usedUnits(
  db: Queryable,
  saleId: string,
  buyerIds: string[],
): Promise<Map<string, number>> {
  const rows = await rowsOf<{ buyer: string; units: number }>(db, used, [saleId, buyerIds]);
  return new Map(rows.map(({ buyer, units }) => [buyer, units]));
}

const known: Statement = {
  name: 'tickets-known',
  text: 'select ticket_id as id from reservations where ticket_id = any($1::text[])',
};

export async function knownTickets(db: Queryable, ticketIds: string[]): Promise<Set<string>> {
  if (ticketIds.length === 0) return new Set();
  return new Set((await rowsOf<{ id: string }>(db, known, [ticketIds])).map(({ id }) => id));
}

export function reservationOf(row: ReservationRow): Reservation {
  return {
    ticketId: row.ticket_id,
    saleId: row.sale_id,
    seq: row.seq,
    epoch: row.epoch,
    buyerId: row.buyer_id,
    idempotencyKey: row.idempotency_key,
    fingerprint: row.fingerprint,
    lines: row.lines,
    status: row.status as ReservationStatus,
    version: row.version,
    reservedAt: row.reserved_at,
    heldAt: row.held_at,
    expiresAt: row.expires_at,
    confirmedAt: row.confirmed_at,
    paymentRef: row.payment_ref,
    reason: row.reason as RefusalCode | null,
    extensions: row.extensions,
    extendedSeconds: row.extended_seconds,
    tip: row.tip,
    outcomes: row.outcomes === null ? {} : (JSON.parse(row.outcomes) as Record<string, Outcome>),
  };
}
