import { type Kysely, sql } from 'kysely';

/**
 * Where outgoing webhooks go, how far each has come in each sale's journal (`webhook_strands`), and a log of what was
 * tried. The journal is the outbox, so nothing here is written where reservations are.
 *
 * `secret` is kept as it is, since every message is signed with it; whoever reads this table could sign in its name, and
 * could read everything that is signed as well. After a copy of the database got away, rotate.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table webhook_endpoints (
      id text primary key,
      name text not null,
      url text not null,
      types text,
      sale_id text,
      secret text not null,
      old_secret text,
      old_secret_until timestamptz,
      status text not null,
      reason text,
      created_at timestamptz not null,
      changed_at timestamptz not null,
      constraint webhook_endpoints_status check (status in ('enabled', 'paused', 'disabled', 'revoked'))
    )`.execute(db);
  await sql`
    create table webhook_strands (
      endpoint_id text not null,
      sale_id text not null,
      position bigint not null,
      attempts integer not null,
      failing_since timestamptz,
      due_at timestamptz,
      lease text,
      leased_until timestamptz,
      touched_at timestamptz,
      constraint webhook_strands_pkey primary key (endpoint_id, sale_id)
    )`.execute(db);
  await sql`
    create table webhook_deliveries (
      endpoint_id text not null,
      id text not null,
      type text not null,
      sale_id text,
      position bigint,
      status text not null,
      attempts integer not null,
      status_code integer,
      outcome text,
      created_at timestamptz not null,
      tried_at timestamptz,
      due_at timestamptz,
      lease text,
      leased_until timestamptz,
      constraint webhook_deliveries_pkey primary key (endpoint_id, id),
      constraint webhook_deliveries_status check (status in ('queued', 'failing', 'delivered', 'failed'))
    )`.execute(db);
  await sql`create index webhook_deliveries_page on webhook_deliveries (endpoint_id, created_at, id)`.execute(
    db,
  );
  await sql`create index webhook_deliveries_status on webhook_deliveries (status, created_at)`.execute(db);
}
