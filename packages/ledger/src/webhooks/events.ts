import type { EventType, Line, WebhookEvent } from '@holdfast/core';
import { house } from '@holdfast/core';
import { texts } from '../columns.ts';
import { type Queryable, rowsOf, type Statement } from '../database.ts';
import { openedData } from '../seal.ts';

/**
 * Lines never change, and the buyer only by an erasure, so that a message is the same text on every attempt; one that was
 * not delivered before its buyer was erased says the new name.
 */
const eventColumns = `
  v.sale_id as "saleId", v.position, v.type, v.ticket_id as "ticketId", v.data, v.opening, v.at, r.buyer_id as "buyerId", s.currency,
  (select json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity, 'unitPriceMinor', l.unit_price_minor)
                   order by l.sku)
     from reservation_lines l where l.ticket_id = v.ticket_id) as lines`;
const eventTables = `events v join sales s on s.id = v.sale_id left join reservations r on r.ticket_id = v.ticket_id`;

const eventsStatement: Statement = {
  name: 'webhook-events',
  text: `
    select ${eventColumns} from ${eventTables}
     where v.sale_id = $1 and v.position > $2 and v.position <= $3 and v.type = any($4::text[])
     order by v.position limit $5`,
};

export async function webhookEvents(
  db: Queryable,
  saleId: string,
  after: number,
  upTo: number,
  kinds: readonly EventType[],
  limit: number,
): Promise<WebhookEvent[]> {
  const rows = await rowsOf<StoredEvent>(db, eventsStatement, [saleId, after, upTo, texts(kinds), limit]);
  return rows.map(eventOf);
}

const eventStatement: Statement = {
  name: 'webhook-event',
  text: `select ${eventColumns} from ${eventTables} where v.sale_id = $1 and v.position = $2`,
};

export async function webhookEvent(
  db: Queryable,
  saleId: string,
  position: number,
): Promise<WebhookEvent | null> {
  const [row] = await rowsOf<StoredEvent>(db, eventStatement, [saleId, position]);
  return row === undefined ? null : eventOf(row);
}

type StoredEvent = Omit<WebhookEvent, 'data' | 'lines'> & {
  data: string;
  opening: string | null;
  lines: Line[] | null;
};

function eventOf({ opening, ...row }: StoredEvent): WebhookEvent {
  return {
    ...row,
    data: openedData(row.data, opening),
    lines: row.lines ?? [],
    buyerId: row.buyerId === house ? null : row.buyerId,
  };
}
