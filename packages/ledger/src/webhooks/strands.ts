import type {
  TakenStrand,
  WebhookAttempt,
  WebhookStrand,
  WebhookNext,
  WebhookStatus,
  WebhookTarget,
} from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';
import { typesOf } from './endpoints.ts';

// An endpoint that is slow has few of its strands under way, so that it cannot fill the queue before all others.
const behindStatement: Statement = {
  name: 'webhooks-behind',
  text: `
    with busy as (
      select endpoint_id, count(*) as strands from webhook_strands where leased_until > now() group by endpoint_id
    ), waiting as (
      select e.id, g.sale_id,
             row_number() over (partition by e.id order by coalesce(l.touched_at, '-infinity'), g.sale_id) as turn
        from webhook_endpoints e
        join gates g on g.region = $1 and (e.sale_id is null or g.sale_id = e.sale_id)
        left join webhook_strands l on l.endpoint_id = e.id and l.sale_id = g.sale_id
       where e.status = 'enabled' and g.position > coalesce(l.position, 0)
         and coalesce(l.leased_until, '-infinity') <= now() and coalesce(l.due_at, '-infinity') <= now()
    )
    select w.id as "endpointId", w.sale_id as "saleId"
      from waiting w left join busy b on b.endpoint_id = w.id
     where w.turn <= $2 - coalesce(b.strands, 0) order by w.turn limit $3`,
};

export function strandsBehind(
  db: Queryable,
  region: string,
  perEndpoint: number,
  limit: number,
): Promise<WebhookStrand[]> {
  return rowsOf<WebhookStrand>(db, behindStatement, [region, perEndpoint, limit]);
}

/** The secrets that sign now. */
export const secretColumns = `e.url, e.secret, case when e.old_secret_until > now() then e.old_secret end as "oldSecret"`;

export interface StoredTarget {
  url: string;
  secret: string;
  oldSecret: string | null;
}

export function targetOf({ url, secret, oldSecret }: StoredTarget): WebhookTarget {
  return { url, secrets: oldSecret === null ? [secret] : [secret, oldSecret] };
}

// A sale that the endpoint has no strand in is younger than the endpoint: its strand begins before the first event.
const takeStatement: Statement = {
  name: 'take-webhook-strand',
  text: `
    with e as (
      select * from webhook_endpoints where id = $1 and status = 'enabled' and (sale_id is null or sale_id = $2)
    ), taken as (
      insert into webhook_strands as l (endpoint_id, sale_id, position, attempts, lease, leased_until, touched_at)
      select e.id, $2, 0, 0, $4, now() + $5 * interval '1 millisecond', now() from e
      on conflict (endpoint_id, sale_id) do update
         set lease = excluded.lease, leased_until = excluded.leased_until, touched_at = excluded.touched_at
       where coalesce(l.leased_until, '-infinity') <= now() and coalesce(l.due_at, '-infinity') <= now()
      returning position, attempts, failing_since
    )
    select t.position, g.position as "upTo", t.attempts, e.types, ${secretColumns},
           coalesce(extract(epoch from now() - t.failing_since) * 1000, 0)::float8 as "failingForMs"
      from taken t, e, gates g where g.sale_id = $2 and g.region = $3`,
};

export async function takeStrand(
  db: Queryable,
  region: string,
  { endpointId, saleId }: WebhookStrand,
  lease: string,
  leaseMs: number,
): Promise<TakenStrand | null> {
  type Row = StoredTarget &
    Pick<TakenStrand, 'position' | 'upTo' | 'attempts' | 'failingForMs'> & { types: string | null };
  const [row] = await rowsOf<Row>(db, takeStatement, [endpointId, saleId, region, lease, leaseMs]);
  if (row === undefined) return null;
  const { position, upTo, attempts, failingForMs, types } = row;
  const strand = { endpointId, saleId, lease, position, upTo, attempts, failingForMs };
  return { ...strand, types: typesOf(types), target: targetOf(row) };
}

// What gets through after failures says that the receiver is back: its other strands need not wait out their pauses. SKIP
// LOCKED, so that two strands that come back together do not wait for one another.
const deliveredStatement: Statement = {
  name: 'webhook-delivered',
  text: `
    with moved as (
      update webhook_strands
         set position = $4, attempts = 0, failing_since = null, due_at = null,
             leased_until = now() + $8 * interval '1 millisecond'
       where endpoint_id = $1 and sale_id = $2 and lease = $3 and position < $4 returning endpoint_id
    ), logged as (
      insert into webhook_deliveries as d
             (endpoint_id, id, type, sale_id, position, status, attempts, status_code, outcome, created_at, tried_at)
      select $1, $5, $6, $2, $4, 'delivered', 1, $7, 'delivered', date_trunc('milliseconds', now()), now() from moved
      on conflict (endpoint_id, id) do update
         set status = 'delivered', attempts = d.attempts + 1, status_code = excluded.status_code,
             outcome = excluded.outcome, tried_at = excluded.tried_at, due_at = null
    ), paused as (
      select l.sale_id from webhook_strands l, moved
       where $9 and l.endpoint_id = $1 and l.sale_id <> $2 and l.due_at > now() for update of l skip locked
    ), woken as (
      update webhook_strands l set due_at = null from paused where l.endpoint_id = $1 and l.sale_id = paused.sale_id
    )
    select e.status, ${secretColumns} from moved m join webhook_endpoints e on e.id = m.endpoint_id`,
};

export async function strandDelivered(
  db: Queryable,
  { endpointId, saleId, lease }: TakenStrand,
  { position, messageId, type, statusCode }: WebhookAttempt,
  leaseMs: number,
  isBack: boolean,
): Promise<WebhookTarget | null> {
  const [row] = await rowsOf<StoredTarget & { status: WebhookStatus }>(db, deliveredStatement, [
    endpointId,
    saleId,
    lease,
    position,
    messageId,
    type,
    statusCode,
    leaseMs,
    isBack,
  ]);
  return row === undefined || row.status !== 'enabled' ? null : targetOf(row);
}

const failedStatement: Statement = {
  name: 'webhook-failed',
  text: `
    with moved as (
      update webhook_strands
         set attempts = attempts + 1, failing_since = coalesce(failing_since, now()), lease = null, leased_until = null,
             due_at = now() + $9 * interval '1 millisecond'
       where endpoint_id = $1 and sale_id = $2 and lease = $3 returning endpoint_id, due_at
    ), logged as (
      insert into webhook_deliveries as d
             (endpoint_id, id, type, sale_id, position, status, attempts, status_code, outcome, created_at, tried_at, due_at)
      select $1, $5, $6, $2, $4, case when $10::text is null then 'failing' else 'failed' end, 1, $7, $8, date_trunc('milliseconds', now()), now(),
             moved.due_at
        from moved
      on conflict (endpoint_id, id) do update
         set status = excluded.status, attempts = d.attempts + 1, status_code = excluded.status_code,
             outcome = excluded.outcome, tried_at = excluded.tried_at, due_at = excluded.due_at
    ), stopped as (
      update webhook_endpoints e set status = 'disabled', reason = $10, changed_at = now() from moved
       where e.id = moved.endpoint_id and e.status = 'enabled' and $10::text is not null
    )
    select 1 from moved`,
};

export async function strandFailed(
  db: Queryable,
  { endpointId, saleId, lease }: TakenStrand,
  { position, messageId, type, statusCode, outcome }: WebhookAttempt,
  next: WebhookNext,
): Promise<boolean> {
  const rows = await rowsOf(db, failedStatement, [
    endpointId,
    saleId,
    lease,
    position,
    messageId,
    type,
    statusCode,
    outcome,
    next.kind === 'retry' ? next.inMs : null,
    next.kind === 'stop' ? next.reason : null,
  ]);
  return rows.length === 1;
}

const releaseStatement: Statement = {
  name: 'release-webhook-strand',
  text: `
    update webhook_strands set position = greatest(position, $4), lease = null, leased_until = null
     where endpoint_id = $1 and sale_id = $2 and lease = $3`,
};

export async function releaseStrand(
  db: Queryable,
  { endpointId, saleId, lease }: TakenStrand,
  position: number,
): Promise<void> {
  await rowsOf(db, releaseStatement, [endpointId, saleId, lease, position]);
}
