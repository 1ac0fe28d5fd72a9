import { type Kysely, sql } from 'kysely';

/**
 * One row per acknowledged ticket, rejected ones too. No foreign keys: they cost a third to a half of the batch rate,
 * and the commit run is the only writer. `expires_at` is set only while held, so its index is the list of what is due.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table reservations (
      ticket_id text primary key,
      sale_id text not null,
      region text not null,
      epoch bigint not null,
      seq bigint not null,
      buyer_id text not null,
      idempotency_key text,
      fingerprint text,
      units integer not null,
      status text not null,
      version integer not null,
      reserved_at timestamptz not null,
      expires_at timestamptz,
      confirmed_at timestamptz,
      payment_ref text,
      reason text,
      extensions integer not null,
      extended_seconds integer not null,
      tip text not null,
      outcomes text,
      constraint reservations_one_per_place unique (sale_id, region, epoch, seq)
    )`.execute(db);
  await sql`create index reservations_due on reservations (sale_id, expires_at)`.execute(db);
  await sql`create index reservations_buyer on reservations (sale_id, buyer_id)`.execute(db);
  await sql`
    create table reservation_lines (
      ticket_id text not null,
      sku text not null,
      quantity integer not null,
      unit_price_minor bigint not null,
      constraint reservation_lines_pkey primary key (ticket_id, sku),
      constraint reservation_lines_quantity check (quantity > 0)
    )`.execute(db);
  await sql`
    create table buyers (
      sale_id text not null,
      buyer_id text not null,
      released bigint not null,
      constraint buyers_pkey primary key (sale_id, buyer_id)
    )`.execute(db);
}
