import {
  auditRecord,
  type KeyScope,
  keyRecord,
  makeCursor,
  newKeyBody,
  pageQuery,
  readCursor,
} from '@holdfast/contracts';
import type { KeyRow } from '@holdfast/ledger';
import { nanoid } from 'nanoid';
import { digestOf, newKey } from '../access.ts';
import { type ConsoleContext, json, problemResponse } from '../answers.ts';
import type { ConsoleParts } from '../parts.ts';
import { readBody, readQuery } from '../read-body.ts';
import type { Route } from '../routes.ts';
import { badCursor } from './sales.ts';

/** Who may do what here, and who did what. */
export function keyRoutes({ ledger }: ConsoleParts): Route[] {
  return [
    { method: 'POST', path: '/v1/keys', scope: 'merchant', handle: (c) => create(c, ledger) },
    { method: 'GET', path: '/v1/keys', scope: 'merchant', handle: () => list(ledger) },
    { method: 'POST', path: '/v1/keys/:keyId/revoke', scope: 'merchant', handle: (c) => revoke(c, ledger) },
    { method: 'GET', path: '/v1/audit-log', scope: 'merchant', handle: (c) => auditLog(c, ledger) },
  ];
}

type Ledger = ConsoleParts['ledger'];

/** How much of a key is kept in the clear. */
const prefixLength = 8;

/** The one answer that shows the key. An Idempotency-Key is not taken: a remembered answer would be a stored key. */
async function create(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const read = await readBody(c, newKeyBody);
  if (!read.ok) return read.response;
  const key = newKey();
  const made = await ledger.insertKey({
    id: nanoid(),
    ...read.body,
    prefix: key.slice(0, prefixLength),
    hash: digestOf(key),
  });
  return json(201, { ...record(made), key }, { Location: `/v1/keys/${made.id}` });
}

async function list(ledger: Ledger): Promise<Response> {
  return json(200, { keys: (await ledger.listKeys()).map(record) });
}

async function revoke(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const revoked = await ledger.revokeKey(c.req.param('keyId') ?? '');
  return revoked === null ? problemResponse(c, 'not_found') : json(200, record(revoked));
}

async function auditLog(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const { cursor, limit } = query.body;
  const place = cursor === undefined ? null : readCursor(cursor, 'string');
  if (cursor !== undefined && place === null) return badCursor(c);
  const page = await ledger.auditPage(place === null ? null : { at: place[0], id: place[1] }, limit);
  const last = page.length === limit ? page.at(-1) : undefined;
  return json(200, {
    entries: page.map(auditRecord),
    nextCursor: last === undefined ? null : makeCursor([last.at, last.id]),
  });
}

function record(key: KeyRow) {
  return keyRecord({ ...key, scopes: key.scopes as KeyScope[] });
}
