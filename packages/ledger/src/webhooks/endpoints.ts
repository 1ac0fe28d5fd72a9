import type { WebhookStatus, WebhookStopReason } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

/** Where webhooks go. Times are epoch milliseconds; the secret is not among it. */
export interface EndpointRow {
  id: string;
  name: string;
  url: string;
  /** Public names of event types; null is all of them. */
  types: string[] | null;
  /** Null is every sale. */
  saleId: string | null;
  status: WebhookStatus;
  /** Why it is disabled. */
  reason: WebhookStopReason | null;
  createdAt: number;
  changedAt: number;
  /** Since when nothing gets through, on the strand where that is longest. */
  failingSince: number | null;
}

export type NewEndpoint = Pick<EndpointRow, 'id' | 'name' | 'url' | 'types' | 'saleId'> & { secret: string };

/** Absent fields stay as they are. */
export interface EndpointChange {
  name?: string;
  url?: string;
  types?: string[] | null;
  status?: 'enabled' | 'paused';
}

const columns = `e.id, e.name, e.url, e.types, e.sale_id as "saleId", e.status, e.reason, e.created_at as "createdAt",
  e.changed_at as "changedAt",
  (select min(l.failing_since) from webhook_strands l where l.endpoint_id = e.id) as "failingSince"`;

const insertStatement: Statement = {
  name: 'insert-webhook-endpoint',
  text: `
    with e as (
      insert into webhook_endpoints (id, name, url, types, sale_id, secret, status, created_at, changed_at)
      values ($1, $2, $3, $4, $5, $6, 'enabled', now(), now()) returning *
    ), strands as (
      insert into webhook_strands (endpoint_id, sale_id, position, attempts)
      select $1, g.sale_id, g.position, 0 from gates g where g.region = $7 and ($5::text is null or g.sale_id = $5)
    )
    select ${columns} from e`,
};

/** It gets what happens from now on; of a sale that comes later, everything. */
export async function insertEndpoint(
  db: Queryable,
  region: string,
  endpoint: NewEndpoint,
): Promise<EndpointRow> {
  const { id, name, url, types, saleId, secret } = endpoint;
  const [row] = await rowsOf<StoredEndpoint>(db, insertStatement, [
    id,
    name,
    url,
    textOf(types),
    saleId,
    secret,
    region,
  ]);
  if (row === undefined) throw new Error('A webhook endpoint was inserted and is not there');
  return endpointOf(row);
}

const listStatement: Statement = {
  name: 'list-webhook-endpoints',
  text: `select ${columns} from webhook_endpoints e order by e.created_at, e.id`,
};

export async function listEndpoints(db: Queryable): Promise<EndpointRow[]> {
  return (await rowsOf<StoredEndpoint>(db, listStatement, [])).map(endpointOf);
}

const readStatement: Statement = {
  name: 'read-webhook-endpoint',
  text: `select ${columns} from webhook_endpoints e where e.id = $1`,
};

export function readEndpoint(db: Queryable, id: string): Promise<EndpointRow | null> {
  return one(db, readStatement, [id]);
}

// Enabled again, or with another address, every strand is tried at once and has its three days again.
const changeStatement: Statement = {
  name: 'change-webhook-endpoint',
  text: `
    with e as (
      update webhook_endpoints
         set name = coalesce($2, name), url = coalesce($3, url), types = case when $4 then $5 else types end,
             status = coalesce($6, status), reason = case when $6::text is null then reason end, changed_at = now()
       where id = $1 and status <> 'revoked' returning *
    ), fresh as (
      update webhook_strands l set attempts = 0, failing_since = null, due_at = null from e
       where l.endpoint_id = e.id and ($6 = 'enabled' or $3::text is not null)
    )
    select ${columns} from e`,
};

/** Null when there is none, or it is revoked. */
export function changeEndpoint(
  db: Queryable,
  id: string,
  change: EndpointChange,
): Promise<EndpointRow | null> {
  const { name = null, url = null, types, status = null } = change;
  return one(db, changeStatement, [id, name, url, types !== undefined, textOf(types ?? null), status]);
}

const rotateStatement: Statement = {
  name: 'rotate-webhook-secret',
  text: `
    with e as (
      update webhook_endpoints
         set old_secret = secret, old_secret_until = now() + interval '1 day', secret = $2, changed_at = now()
       where id = $1 and status <> 'revoked' returning *
    )
    select ${columns} from e`,
};

/** From now on `secret` signs, and for a day the one before signs along. Null when there is none, or it is revoked. */
export function rotateSecret(db: Queryable, id: string, secret: string): Promise<EndpointRow | null> {
  return one(db, rotateStatement, [id, secret]);
}

const revokeStatement: Statement = {
  name: 'revoke-webhook-endpoint',
  text: `
    with e as (
      update webhook_endpoints
         set status = 'revoked', reason = null, secret = '', old_secret = null, old_secret_until = null,
             changed_at = case when status = 'revoked' then changed_at else now() end
       where id = $1 returning *
    ), gone as (
      delete from webhook_strands l using e where l.endpoint_id = e.id
    )
    select ${columns} from e`,
};

/** For good, with its secrets; the log stays as long as it is kept. Null when there is none. */
export function revokeEndpoint(db: Queryable, id: string): Promise<EndpointRow | null> {
  return one(db, revokeStatement, [id]);
}

type StoredEndpoint = Omit<EndpointRow, 'types'> & { types: string | null };

async function one(db: Queryable, statement: Statement, values: unknown[]): Promise<EndpointRow | null> {
  const [row] = await rowsOf<StoredEndpoint>(db, statement, values);
  return row === undefined ? null : endpointOf(row);
}

function endpointOf(row: StoredEndpoint): EndpointRow {
  return { ...row, types: typesOf(row.types) };
}

function textOf(types: readonly string[] | null): string | null {
  return types === null ? null : types.join(' ');
}

export function typesOf(text: string | null): string[] | null {
  return text === null ? null : text.split(' ');
}
