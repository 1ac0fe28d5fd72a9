import { hash } from 'node:crypto';
import type { JournalEvent, NewEvent } from '@holdfast/core';
import { numbers, texts } from './columns.ts';
import { type Queryable, rowsOf, type Statement } from './database.ts';
import { openedData, type SealedEvent } from './seal.ts';

/** The hash before the first event. */
export const journalStart = '0'.repeat(64);

/** One event as it is stored: `data` is the very text that was hashed. */
export interface JournalRow {
  position: number;
  type: string;
  ticketId: string | null;
  commandId: string | null;
  data: string;
  at: number;
  hash: string;
  /** What opens the seals in `data`; beside the journal, and in no hash. */
  opening: string | null;
}

/** Gives each event its place after `position` and chains it to `head`. */
export function chain(
  saleId: string,
  position: number,
  head: string,
  events: readonly (NewEvent | SealedEvent)[],
): JournalRow[] {
  let previous = head;
  return events.map((event, index) => {
    const row = link(saleId, position + index + 1, previous, event);
    previous = row.hash;
    return row;
  });
}

/** The row of one event at `position`, behind the hash `previous`. */
export function link(
  saleId: string,
  position: number,
  previous: string,
  event: NewEvent | SealedEvent,
): JournalRow {
  const row = {
    position,
    type: event.type,
    ticketId: event.ticketId,
    commandId: event.commandId,
    data: JSON.stringify(event.data),
    at: event.at,
    hash: '',
    opening: 'opening' in event ? event.opening : null,
  };
  row.hash = hashOf(saleId, previous, row);
  return row;
}

/** SHA-256 over the previous hash and the event's own text, as a JSON array so that no two events share a text. */
export function hashOf(saleId: string, previous: string, row: Omit<JournalRow, 'hash' | 'opening'>): string {
  return hash(
    'sha256',
    JSON.stringify([previous, saleId, row.position, row.type, row.ticketId, row.commandId, row.at, row.data]),
  );
}

const insertEventsStatement: Statement = {
  name: 'insert-events',
  text: `with sealed as (
           insert into seals (sale_id, position, events, key) select $1, $10, $11, $12 where $12::text is not null
         )
         insert into events (sale_id, position, type, ticket_id, command_id, data, at, hash, opening)
         select $1, position, type, ticket_id, command_id, data, to_timestamp(at / 1000.0), hash, opening
           from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::text[], $9::text[])
             as e (position, type, ticket_id, command_id, data, at, hash, opening)`,
};

export async function insertEvents(
  db: Queryable,
  saleId: string,
  rows: readonly JournalRow[],
  runKey: string | null = null,
): Promise<void> {
  await db.query({
    ...insertEventsStatement,
    values: [
      saleId,
      numbers(rows.map((row) => row.position)),
      texts(rows.map((row) => row.type)),
      texts(rows.map((row) => row.ticketId)),
      texts(rows.map((row) => row.commandId)),
      texts(rows.map((row) => row.data)),
      numbers(rows.map((row) => row.at)),
      texts(rows.map((row) => row.hash)),
      texts(rows.map((row) => row.opening)),
      rows[0]?.position ?? 0,
      rows.length,
      runKey,
    ],
  });
}

const readJournalStatement: Statement = {
  name: 'read-journal',
  text: `select position, type, ticket_id as "ticketId", command_id as "commandId", data, at, hash, opening
           from events where sale_id = $1 and position > $2 order by position limit $3`,
};

export async function readJournal(
  db: Queryable,
  saleId: string,
  afterPosition: number,
  limit: number,
): Promise<JournalEvent[]> {
  const rows = await rowsOf<JournalRow>(db, readJournalStatement, [saleId, afterPosition, limit]);
  return rows.map(eventOf);
}

/** The event as the rest of the program knows it. */
export function eventOf({ opening, ...row }: JournalRow): JournalEvent {
  return { ...row, type: row.type as NewEvent['type'], data: openedData(row.data, opening) };
}
