import type { Outcome, RefusalCode, ReservationStatus, SettledTicket, Settlement } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';
import { readSale } from './read-sale.ts';

interface TicketRow {
  position: number;
  ticket_id: string;
  buyer_id: string;
  status: string;
  version: number;
  expires_at: number | null;
  extensions: number;
  extended_seconds: number;
  reason: string | null;
  outcomes: string | null;
}

/**
 * The tickets of the next events, each as it stands now: the gate takes states by version, so a newer one does no harm.
 * But no event after the counters and terms were read: the gate would count as heard what it was never told.
 */
const ticketsStatement: Statement = {
  name: 'settlement-tickets',
  text: `
    select e.position, r.ticket_id, r.buyer_id, r.status, r.version, r.expires_at, r.extensions, r.extended_seconds, r.reason, r.outcomes
      from events e left join reservations r on r.ticket_id = e.ticket_id
     where e.sale_id = $1 and e.position > $2 and e.position <= $4 order by e.position limit $3`,
};

const releasedStatement: Statement = {
  name: 'settlement-released',
  text: 'select buyer_id as buyer, released from buyers where sale_id = $1 and buyer_id = any($2::text[])',
};

const waitingStatement: Statement = {
  name: 'settlement-waiting',
  text: `select r.ticket_id as "ticketId", r.buyer_id as "buyerId", r.status = 'paid_late' as late,
                (select json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity) order by l.sku)
                   from reservation_lines l where l.ticket_id = r.ticket_id) as lines
           from reservations r where r.sale_id = $1 and r.status in ('waitlisted', 'paid_late')
          order by r.epoch, r.seq limit $2`,
};

/**
 * What the gate needs to apply the journal after `fromPosition`, at most `limit` events of it.
 * Null when there is no such sale.
 */
export async function readSettlement(
  db: Queryable,
  region: string,
  saleId: string,
  fromPosition: number,
  limit: number,
): Promise<Settlement | null> {
  const at = await readSale(db, saleId, region);
  if (at === null) return null;
  const rows = await rowsOf<TicketRow>(db, ticketsStatement, [
    saleId,
    fromPosition,
    limit,
    at.cursor.position,
  ]);
  const tickets = new Map<string, SettledTicket>();
  for (const row of rows) if (row.ticket_id !== null) tickets.set(row.ticket_id, ticketOf(row));
  const buyers = [...new Set([...tickets.values()].map((ticket) => ticket.buyerId))];
  const released = await rowsOf<{ buyer: string; released: number }>(db, releasedStatement, [saleId, buyers]);
  const waiting =
    at.waiting > 0 ? await rowsOf<Settlement['waiting'][number]>(db, waitingStatement, [saleId, limit]) : [];
  return {
    saleId,
    cursor: at.cursor,
    fromPosition,
    toPosition: rows.at(-1)?.position ?? fromPosition,
    tickets: [...tickets.values()],
    items: at.items,
    withdrawn: at.withdrawn,
    released: new Map(released.map(({ buyer, released: units }) => [buyer, units])),
    sale: at.sale,
    waiting,
  };
}

function ticketOf(row: TicketRow): SettledTicket {
  return {
    ticketId: row.ticket_id,
    buyerId: row.buyer_id,
    status: row.status as ReservationStatus,
    version: row.version,
    expiresAt: row.expires_at,
    extensions: row.extensions,
    extendedSeconds: row.extended_seconds,
    reason: row.reason as RefusalCode | null,
    outcomes: row.outcomes === null ? {} : (JSON.parse(row.outcomes) as Record<string, Outcome>),
  };
}
