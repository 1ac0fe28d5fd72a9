import {
  eventRecord,
  makeCursor,
  moveBody,
  readCursor,
  reservationCsv,
  reservationCsvHead,
  reservationRecord,
  reservationsQuery,
} from '@holdfast/contracts';
import { refuse } from '@holdfast/core';
import type { MerchantCommand, Reservation } from '@holdfast/core';
import type { Ledger, PlaceCursor, ReservationFilter } from '@holdfast/ledger';
import { type ConsoleContext, json, refused, streamed } from '../answers.ts';
import type { ConsoleParts } from '../parts.ts';
import { once } from '../once.ts';
import { readBody, readQuery } from '../read-body.ts';
import type { Route } from '../routes.ts';
import { badCursor, saleIdOf } from './sales.ts';

export function reservationRoutes(parts: ConsoleParts): Route[] {
  const { ledger } = parts;
  return [
    { method: 'GET', path: '/v1/sales/:saleId/reservations', scope: 'read', handle: (c) => list(c, ledger) },
    { method: 'GET', path: '/v1/tickets/:ticketId', scope: 'read', handle: (c) => story(c, ledger) },
    ...merchantCommands.map(
      (kind): Route => ({
        method: 'POST',
        path: `/v1/tickets/:ticketId/${kind}`,
        scope: 'merchant',
        handle: (c) => command(c, parts, kind),
      }),
    ),
  ];
}

async function list(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const query = readQuery(c, reservationsQuery);
  if (!query.ok) return query.response;
  const { cursor, limit, status, buyer, buyerId } = query.body;
  const place = cursor === undefined ? null : readCursor(cursor, 'number');
  if (cursor !== undefined && place === null) return badCursor(c);
  const saleId = saleIdOf(c);
  const at = saleId === null ? null : await ledger.readSale(saleId);
  if (at === null) return refused(c, refuse('unknown_sale'));
  const after = place === null ? null : { epoch: place[0], seq: place[1] };
  const filter = { status: status ?? null, buyerId: buyer ?? buyerId ?? null };
  const format = query.body.format ?? exportOf(c);
  if (format !== null) {
    const asked = { filter, after, limit: c.req.query('limit') === undefined ? null : limit };
    return exported(ledger, at.sale, format, asked);
  }
  const page = await ledger.reservationsPage(at.sale.id, filter, after, limit);
  const last = page.length === limit ? page.at(-1) : undefined;
  return json(200, {
    reservations: page.map(reservationRecord),
    nextCursor: last === undefined ? null : makeCursor([last.epoch, last.seq]),
  });
}

type ExportFormat = 'csv' | 'ndjson';

/** What is asked for as a stream; null for a page of JSON. */
function exportOf(c: ConsoleContext): ExportFormat | null {
  const accept = c.req.header('accept') ?? '';
  if (/(^|[\s,])text\/csv\b/i.test(accept)) return 'csv';
  return /(^|[\s,])application\/x-ndjson\b/i.test(accept) ? 'ndjson' : null;
}

interface Asked {
  filter: ReservationFilter;
  after: PlaceCursor | null;
  limit: number | null;
}

const contentTypes: Record<ExportFormat, string> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson',
};

function exported(
  ledger: Ledger,
  { id, currency }: { id: string; currency: string },
  format: ExportFormat,
  asked: Asked,
): Response {
  const lineOf = (reservation: Reservation) =>
    format === 'csv'
      ? reservationCsv(reservation, currency)
      : `${JSON.stringify(reservationRecord(reservation))}\n`;
  const head = format === 'csv' ? reservationCsvHead : '';
  return streamed(exportChunks(ledger, id, asked, head, lineOf), contentTypes[format], {
    'Content-Disposition': `attachment; filename="${id}-reservations.${format}"`,
  });
}

/** Reservations read at a time for an export: what it holds in memory, and how often it asks. */
const exportPage = 1_000;

/** Everything that the filter lets through, unless a limit was asked for. No transaction is open between two pages. */
async function* exportChunks(
  ledger: Ledger,
  saleId: string,
  { filter, after, limit }: Asked,
  head: string,
  lineOf: (reservation: Reservation) => string,
): AsyncGenerator<string> {
  if (head !== '') yield head;
  let left = limit ?? Number.POSITIVE_INFINITY;
  let from = after;
  while (left > 0) {
    const size = Math.min(exportPage, left);
    const page = await ledger.reservationsPage(saleId, filter, from, size);
    if (page.length > 0) yield page.map(lineOf).join('');
    const last = page.at(-1);
    if (last === undefined || page.length < size) return;
    from = { epoch: last.epoch, seq: last.seq };
    left -= page.length;
  }
}

async function story(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const told = await storyOf(ledger, ticketIdOf(c));
  return told === null ? refused(c, refuse('unknown_ticket')) : json(200, told);
}

const merchantCommands: MerchantCommand[] = ['return', 'refunded'];

async function command(c: ConsoleContext, parts: ConsoleParts, kind: MerchantCommand): Promise<Response> {
  const read = await readBody(c, moveBody, 'optional');
  if (!read.ok) return read.response;
  const ticketId = ticketIdOf(c);
  return once(
    c,
    parts,
    read.body,
    () => parts.desk.command(ticketId, kind),
    async () => ({ status: 200, body: await storyOf(parts.ledger, ticketId) }),
  );
}

async function storyOf(ledger: Ledger, ticketId: string) {
  const told = await ledger.ticketStory(ticketId);
  return told && { ...reservationRecord(told.reservation), events: told.events.map(eventRecord) };
}

function ticketIdOf(c: ConsoleContext): string {
  return c.req.param('ticketId') ?? '';
}
