import { randomBytes } from 'node:crypto';
import {
  deliveriesQuery,
  deliveryRecord,
  makeCursor,
  moveBody,
  newWebhookBody,
  readCursor,
  webhookChangeBody,
  webhookRecord,
  webhookTestType,
} from '@holdfast/contracts';
import { refuse } from '@holdfast/core';
import type { DeliveryRow, EndpointChange, Ledger } from '@holdfast/ledger';
import { nanoid } from 'nanoid';
import { type ConsoleContext, json, problemResponse, refused } from '../answers.ts';
import type { ConsoleParts } from '../parts.ts';
import { readBody, readQuery } from '../read-body.ts';
import type { Route } from '../routes.ts';
import { badCursor } from './sales.ts';

/** Who is told what happens. Calling them is the workers' business: a test and a re-send are only asked for here. */
export function webhookRoutes({ ledger }: ConsoleParts): Route[] {
  const at = '/v1/webhooks/:webhookId';
  const scope = 'merchant';
  return [
    { method: 'POST', path: '/v1/webhooks', scope, handle: (c) => create(c, ledger) },
    { method: 'GET', path: '/v1/webhooks', scope, handle: () => list(ledger) },
    { method: 'GET', path: at, scope, handle: (c) => read(c, ledger) },
    { method: 'PATCH', path: at, scope, handle: (c) => change(c, ledger) },
    { method: 'POST', path: `${at}/rotate`, scope, handle: (c) => rotate(c, ledger) },
    { method: 'POST', path: `${at}/revoke`, scope, handle: (c) => revoke(c, ledger) },
    { method: 'POST', path: `${at}/test`, scope, handle: (c) => test(c, ledger) },
    { method: 'GET', path: `${at}/deliveries`, scope, handle: (c) => deliveries(c, ledger) },
    {
      method: 'POST',
      path: `${at}/deliveries/:deliveryId/resend`,
      scope,
      handle: (c) => resend(c, ledger),
    },
  ];
}

/** 256 random bits in the form of Standard Webhooks. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** This answer and that of `rotate` show the secret, and no other does. An Idempotency-Key is not taken, as with keys. */
async function create(c: ConsoleContext, { webhooks, readSale }: Ledger): Promise<Response> {
  const body = await readBody(c, newWebhookBody);
  if (!body.ok) return body.response;
  const { url, name, types = null, saleId = null } = body.body;
  if (saleId !== null && (await readSale(saleId)) === null) return refused(c, refuse('unknown_sale'));
  const secret = newSecret();
  const endpoint = { id: nanoid(), name: name ?? new URL(url).hostname, url, types, saleId, secret };
  const made = await webhooks.insert(endpoint);
  return json(201, { ...webhookRecord(made), secret }, { Location: `/v1/webhooks/${made.id}` });
}

async function list({ webhooks }: Ledger): Promise<Response> {
  return json(200, { webhooks: (await webhooks.list()).map(webhookRecord) });
}

async function read(c: ConsoleContext, { webhooks }: Ledger): Promise<Response> {
  const found = await webhooks.read(idOf(c));
  return found === null ? problemResponse(c, 'not_found') : json(200, webhookRecord(found));
}

async function change(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const body = await readBody(c, webhookChangeBody);
  if (!body.ok) return body.response;
  const { url, name, types, status } = body.body;
  const wanted: EndpointChange = {
    ...(url !== undefined && { url }),
    ...(name !== undefined && { name }),
    ...(types !== undefined && { types }),
    ...(status !== undefined && { status }),
  };
  const changed = await ledger.webhooks.change(idOf(c), wanted);
  return changed === null ? absent(c, ledger) : json(200, webhookRecord(changed));
}

async function rotate(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const body = await readBody(c, moveBody, 'optional');
  if (!body.ok) return body.response;
  const secret = newSecret();
  const rotated = await ledger.webhooks.rotate(idOf(c), secret);
  return rotated === null ? absent(c, ledger) : json(200, { ...webhookRecord(rotated), secret });
}

async function revoke(c: ConsoleContext, { webhooks }: Ledger): Promise<Response> {
  const body = await readBody(c, moveBody, 'optional');
  if (!body.ok) return body.response;
  const revoked = await webhooks.revoke(idOf(c));
  return revoked === null ? problemResponse(c, 'not_found') : json(200, webhookRecord(revoked));
}

async function test(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const body = await readBody(c, moveBody, 'optional');
  if (!body.ok) return body.response;
  return queued(c, ledger, await ledger.webhooks.queueTest(idOf(c), `test-${nanoid()}`, webhookTestType));
}

async function resend(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const body = await readBody(c, moveBody, 'optional');
  if (!body.ok) return body.response;
  const deliveryId = c.req.param('deliveryId') ?? '';
  return queued(c, ledger, await ledger.webhooks.queueResend(idOf(c), deliveryId));
}

/** 202: a worker sends it in a moment, and the log says how it went. */
function queued(c: ConsoleContext, ledger: Ledger, row: DeliveryRow | null): Response | Promise<Response> {
  return row === null ? absent(c, ledger) : json(202, deliveryRecord(row));
}

async function deliveries(c: ConsoleContext, { webhooks }: Ledger): Promise<Response> {
  const query = readQuery(c, deliveriesQuery);
  if (!query.ok) return query.response;
  const { cursor, limit, status = null } = query.body;
  const place = cursor === undefined ? null : readCursor(cursor, 'string');
  if (cursor !== undefined && place === null) return badCursor(c);
  const webhookId = idOf(c);
  if ((await webhooks.read(webhookId)) === null) return problemResponse(c, 'not_found');
  const after = place === null ? null : { at: place[0], id: place[1] };
  const page = await webhooks.deliveriesPage(webhookId, status, after, limit);
  const last = page.length === limit ? page.at(-1) : undefined;
  return json(200, {
    deliveries: page.map(deliveryRecord),
    nextCursor: last === undefined ? null : makeCursor([last.createdAt, last.id]),
  });
}

/** What cannot be done to an endpoint is done to none, or to one that is revoked. */
async function absent(c: ConsoleContext, { webhooks }: Ledger): Promise<Response> {
  const found = await webhooks.read(idOf(c));
  return found?.status === 'revoked'
    ? refused(c, refuse('invalid_transition'))
    : problemResponse(c, 'not_found');
}

function idOf(c: ConsoleContext): string {
  return c.req.param('webhookId') ?? '';
}
