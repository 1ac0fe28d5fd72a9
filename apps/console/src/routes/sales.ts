import {
  extendHoldsBody,
  makeCursor,
  moveBody,
  newSaleBody,
  newSaleOf,
  openBody,
  readCursor,
  refusalRecord,
  saleChangeBody,
  saleRecord,
  pageQuery,
  saleTermsOf,
  stockBody,
} from '@holdfast/contracts';
import { refuse, saleIdPattern } from '@holdfast/core';
import type { Ledger } from '@holdfast/ledger';
import type { DeskVerb } from '@holdfast/pipeline';
import { type ConsoleContext, json, problemResponse, refused } from '../answers.ts';
import { type ChangeAnswer, once } from '../once.ts';
import type { ConsoleParts } from '../parts.ts';
import { readBody, readQuery } from '../read-body.ts';
import type { Route } from '../routes.ts';

export function saleRoutes(parts: ConsoleParts): Route[] {
  return [
    { method: 'POST', path: '/v1/sales', scope: 'merchant', handle: (c) => create(c, parts) },
    { method: 'GET', path: '/v1/sales', scope: 'read', handle: (c) => list(c, parts) },
    { method: 'GET', path: '/v1/sales/:saleId', scope: 'read', handle: (c) => read(c, parts) },
    { method: 'PATCH', path: '/v1/sales/:saleId', scope: 'merchant', handle: (c) => change(c, parts) },
    { method: 'POST', path: '/v1/sales/:saleId/open', scope: 'operate', handle: (c) => open(c, parts) },
    {
      method: 'POST',
      path: '/v1/sales/:saleId/lobby',
      scope: 'operate',
      handle: (c) => move(c, parts, 'lobby'),
    },
    {
      method: 'POST',
      path: '/v1/sales/:saleId/items/:sku/stock',
      scope: 'merchant',
      handle: (c) => stock(c, parts),
    },
    {
      method: 'POST',
      path: '/v1/sales/:saleId/extend-holds',
      scope: 'operate',
      handle: (c) => extendHolds(c, parts),
    },
    ...verbs.map(
      (verb): Route => ({
        method: 'POST',
        path: `/v1/sales/:saleId/${verb}`,
        // What no button takes back is the merchant's.
        scope: verb === 'cancel' || verb === 'settle' ? 'merchant' : 'operate',
        handle: (c) => move(c, parts, verb),
      }),
    ),
  ];
}

const verbs: DeskVerb[] = ['schedule', 'pause', 'resume', 'close', 'settle', 'cancel'];

async function create(c: ConsoleContext, parts: ConsoleParts): Promise<Response> {
  const read = await readBody(c, newSaleBody);
  if (!read.ok) return read.response;
  return once(
    c,
    parts,
    read.body,
    (request) => parts.desk.create(newSaleOf(read.body), request),
    async (saleId) => ({
      status: 201,
      body: await saleAnswer(parts.ledger, saleId),
      headers: { Location: `/v1/sales/${saleId}` },
    }),
  );
}

async function change(c: ConsoleContext, parts: ConsoleParts): Promise<Response> {
  const read = await readBody(c, saleChangeBody);
  if (!read.ok) return read.response;
  const saleId = saleIdOf(c);
  if (saleId === null) return refused(c, refuse('unknown_sale'));
  return once(
    c,
    parts,
    read.body,
    (request) => parts.desk.change(saleId, saleTermsOf(read.body), request),
    (id) => changed(parts.ledger, id),
  );
}

async function open(c: ConsoleContext, parts: ConsoleParts): Promise<Response> {
  const read = await readBody(c, openBody, 'optional');
  if (!read.ok) return read.response;
  const saleId = saleIdOf(c);
  if (saleId === null) return refused(c, refuse('unknown_sale'));
  return once(
    c,
    parts,
    read.body,
    (request) => parts.desk.move(saleId, 'open', request, read.body.beacon ?? null),
    (id) => changed(parts.ledger, id),
  );
}

async function move(c: ConsoleContext, parts: ConsoleParts, verb: DeskVerb | 'lobby'): Promise<Response> {
  const read = await readBody(c, moveBody, 'optional');
  if (!read.ok) return read.response;
  const saleId = saleIdOf(c);
  if (saleId === null) return refused(c, refuse('unknown_sale'));
  return once(
    c,
    parts,
    read.body,
    (request) =>
      verb === 'lobby' ? parts.desk.openLobby(saleId, request) : parts.desk.move(saleId, verb, request),
    (id) => changed(parts.ledger, id),
  );
}

async function stock(c: ConsoleContext, parts: ConsoleParts): Promise<Response> {
  const read = await readBody(c, stockBody);
  if (!read.ok) return read.response;
  const saleId = saleIdOf(c);
  if (saleId === null) return refused(c, refuse('unknown_sale'));
  const sku = c.req.param('sku') ?? '';
  const { delta } = read.body;
  return once(
    c,
    parts,
    read.body,
    (request) =>
      delta > 0
        ? parts.desk.restock(saleId, sku, delta, request)
        : parts.desk.withdraw(saleId, sku, -delta, request),
    (id) => changed(parts.ledger, id),
  );
}

async function extendHolds(c: ConsoleContext, parts: ConsoleParts): Promise<Response> {
  const read = await readBody(c, extendHoldsBody);
  if (!read.ok) return read.response;
  const saleId = saleIdOf(c);
  if (saleId === null) return refused(c, refuse('unknown_sale'));
  return once(
    c,
    parts,
    read.body,
    (request) => parts.desk.extendHolds(saleId, read.body.seconds, request),
    (id) => changed(parts.ledger, id),
  );
}

async function changed(ledger: Ledger, saleId: string): Promise<ChangeAnswer> {
  return { status: 200, body: await saleAnswer(ledger, saleId) };
}

async function read(c: ConsoleContext, parts: ConsoleParts): Promise<Response> {
  const saleId = saleIdOf(c);
  const sale = saleId === null ? null : await saleAnswer(parts.ledger, saleId);
  return sale === null ? refused(c, refuse('unknown_sale')) : json(200, sale);
}

async function saleAnswer(ledger: Ledger, saleId: string) {
  const at = await ledger.readSale(saleId);
  if (at === null) return null;
  const [units, reservations, refusals, rejections] = await Promise.all([
    ledger.unitsInRows([saleId]),
    ledger.rowsPerStatus([saleId]),
    ledger.refusalsByReason(saleId),
    ledger.rejectionsByReason(saleId),
  ]);
  return { ...saleRecord(at, { units, reservations }), ...refusalRecord(refusals, rejections) };
}

async function list(c: ConsoleContext, { ledger }: ConsoleParts): Promise<Response> {
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const { cursor, limit } = query.body;
  const place = cursor === undefined ? null : readCursor(cursor, 'string');
  if (cursor !== undefined && place === null) return badCursor(c);
  const after = place === null ? null : { createdAt: place[0], id: place[1] };
  const page = await ledger.salesPage(after, limit);
  const ids = page.map(({ sale }) => sale.id);
  const [units, reservations] = await Promise.all([ledger.unitsInRows(ids), ledger.rowsPerStatus(ids)]);
  const last = page.length === limit ? page.at(-1)?.sale : undefined;
  return json(200, {
    sales: page.map((at) =>
      saleRecord(at, {
        units: units.filter((count) => count.saleId === at.sale.id),
        reservations: reservations.filter((count) => count.saleId === at.sale.id),
      }),
    ),
    nextCursor: last === undefined ? null : makeCursor([last.createdAt, last.id]),
  });
}

export function badCursor(c: ConsoleContext): Response {
  const message = 'must be a nextCursor of the page before';
  return problemResponse(c, 'invalid_body', { issues: [{ pointer: '/cursor', message }] });
}

/** Null for what cannot be the id of a sale: it names none. */
export function saleIdOf(c: ConsoleContext): string | null {
  const saleId = c.req.param('saleId') ?? '';
  return saleIdPattern.test(saleId) ? saleId : null;
}
