import { type Kysely, sql } from 'kysely';

/** Refusals at the gate, which only count; and the console's answers by Idempotency-Key, so that a button pressed twice restocks once. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table rejections (
      sale_id text not null,
      minute timestamptz not null,
      reason text not null,
      count bigint not null,
      constraint rejections_pkey primary key (sale_id, minute, reason)
    )`.execute(db);
  await sql`
    create table requests (
      key text primary key,
      fingerprint text not null,
      status integer not null,
      body text not null,
      at timestamptz not null
    )`.execute(db);
}
