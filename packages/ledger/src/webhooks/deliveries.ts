import type { TakenExtra, WebhookOutcome } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';
import { webhookEvent } from './events.ts';
import { secretColumns, type StoredTarget, targetOf } from './strands.ts';

/**
 * `failing`: in its strand, to be tried again. `queued`: a test or a re-send that waits for its one attempt. `failed`: not
 * tried again by itself, until its endpoint is enabled.
 */
export const deliveryStatuses = ['queued', 'failing', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** One line of the log: a message to an endpoint, and its last attempt. Times are epoch milliseconds. */
export interface DeliveryRow {
  id: string;
  type: string;
  saleId: string | null;
  position: number | null;
  status: DeliveryStatus;
  attempts: number;
  statusCode: number | null;
  outcome: WebhookOutcome | null;
  createdAt: number;
  triedAt: number | null;
  /** The next attempt. */
  dueAt: number | null;
}

const columns = `d.id, d.type, d.sale_id as "saleId", d.position, d.status, d.attempts, d.status_code as "statusCode",
  d.outcome, d.created_at as "createdAt", d.tried_at as "triedAt", d.due_at as "dueAt"`;

const pageStatement: Statement = {
  name: 'webhook-deliveries-page',
  text: `
    select ${columns} from webhook_deliveries d
     where d.endpoint_id = $1 and ($2::text is null or d.status = $2)
       and ($3::float8 is null or (d.created_at, d.id) < (to_timestamp($3::float8 / 1000.0), $4))
     order by d.created_at desc, d.id desc limit $5`,
};

/** The newest first, behind `after`. */
export function deliveriesPage(
  db: Queryable,
  endpointId: string,
  status: DeliveryStatus | null,
  after: { at: number; id: string } | null,
  limit: number,
): Promise<DeliveryRow[]> {
  const values = [endpointId, status, after?.at ?? null, after?.id ?? null, limit];
  return rowsOf<DeliveryRow>(db, pageStatement, values);
}

const testStatement: Statement = {
  name: 'queue-webhook-test',
  text: `
    insert into webhook_deliveries as d (endpoint_id, id, type, status, attempts, created_at, due_at)
    select id, $2, $3, 'queued', 0, date_trunc('milliseconds', now()), now() from webhook_endpoints where id = $1 and status <> 'revoked'
    returning ${columns}`,
};

/** Null when there is no such endpoint, or it is revoked. */
export async function queueTest(
  db: Queryable,
  endpointId: string,
  id: string,
  type: string,
): Promise<DeliveryRow | null> {
  const [row] = await rowsOf<DeliveryRow>(db, testStatement, [endpointId, id, type]);
  return row ?? null;
}

// What still stands in its strand is not sent beside it: its strand is due now instead.
const resendStatement: Statement = {
  name: 'resend-webhook',
  text: `
    with d as (
      update webhook_deliveries d
         set status = case when d.status = 'failing' then d.status else 'queued' end, due_at = now()
        from webhook_endpoints e
       where d.endpoint_id = $1 and d.id = $2 and e.id = d.endpoint_id and e.status <> 'revoked' returning d.*
    ), due as (
      update webhook_strands l set due_at = null from d
       where d.status = 'failing' and l.endpoint_id = d.endpoint_id and l.sale_id = d.sale_id
    )
    select ${columns} from d`,
};

/** Null when the endpoint has no such delivery, or is revoked. */
export async function queueResend(
  db: Queryable,
  endpointId: string,
  id: string,
): Promise<DeliveryRow | null> {
  const [row] = await rowsOf<DeliveryRow>(db, resendStatement, [endpointId, id]);
  return row ?? null;
}

const extrasStatement: Statement = {
  name: 'webhook-extras',
  text: `
    select d.endpoint_id as "endpointId", d.id as "messageId"
      from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
     where d.status = 'queued' and e.status <> 'revoked' and coalesce(d.leased_until, '-infinity') <= now()
     order by d.created_at limit $1`,
};

export function queuedExtras(
  db: Queryable,
  limit: number,
): Promise<{ endpointId: string; messageId: string }[]> {
  return rowsOf(db, extrasStatement, [limit]);
}

const takeStatement: Statement = {
  name: 'take-webhook-extra',
  text: `
    update webhook_deliveries d set lease = $3, leased_until = now() + $4 * interval '1 millisecond'
      from webhook_endpoints e
     where d.endpoint_id = $1 and d.id = $2 and d.status = 'queued' and coalesce(d.leased_until, '-infinity') <= now()
       and e.id = d.endpoint_id and e.status <> 'revoked'
    returning d.sale_id as "saleId", d.position, d.created_at as "createdAt", ${secretColumns}`,
};

export async function takeExtra(
  db: Queryable,
  { endpointId, messageId }: { endpointId: string; messageId: string },
  lease: string,
  leaseMs: number,
): Promise<TakenExtra | null> {
  type Row = StoredTarget & { saleId: string | null; position: number | null; createdAt: number };
  const [row] = await rowsOf<Row>(db, takeStatement, [endpointId, messageId, lease, leaseMs]);
  if (row === undefined) return null;
  const { saleId, position, createdAt } = row;
  const event = saleId === null || position === null ? null : await webhookEvent(db, saleId, position);
  return { endpointId, messageId, lease, target: targetOf(row), event, createdAt };
}

const recordStatement: Statement = {
  name: 'record-webhook-extra',
  text: `
    with tried as (
      update webhook_deliveries
         set status = case when $4 = 'delivered' then 'delivered' else 'failed' end, outcome = $4, status_code = $5,
             attempts = attempts + 1, tried_at = now(), due_at = null, lease = null, leased_until = null
       where endpoint_id = $1 and id = $2 and lease = $3 returning endpoint_id
    )
    update webhook_endpoints e set status = 'disabled', reason = 'gone', changed_at = now() from tried
     where e.id = tried.endpoint_id and e.status = 'enabled' and $4 = 'gone'`,
};

export async function recordExtra(
  db: Queryable,
  { endpointId, messageId, lease }: TakenExtra,
  outcome: WebhookOutcome,
  statusCode: number | null,
): Promise<void> {
  await rowsOf(db, recordStatement, [endpointId, messageId, lease, outcome, statusCode]);
}

/** How long the log is kept. What still stands in a strand is logged again at its next attempt. */
const keepDays = 14;

const pruneStatement: Statement = {
  name: 'prune-webhook-deliveries',
  text: `
    with old as (
      select endpoint_id, id from webhook_deliveries
       where status in ('queued', 'failing', 'delivered', 'failed') and created_at < now() - $2 * interval '1 day'
       limit $1
    )
    delete from webhook_deliveries d using old where d.endpoint_id = old.endpoint_id and d.id = old.id
    returning 1`,
};

export async function pruneDeliveries(db: Queryable, limit: number): Promise<number> {
  return (await rowsOf(db, pruneStatement, [limit, keepDays])).length;
}
