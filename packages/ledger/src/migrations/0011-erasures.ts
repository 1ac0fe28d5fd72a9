import { type Kysely, sql } from 'kysely';

/**
 * What opens the seals of the journal stands beside it, so that it can be forgotten: a key per run, or one at the event.
 * And erasures under way: a row of these is the last place that still names the buyer, and goes when all is done.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table events add column opening text`.execute(db);
  await sql`
    create table seals (
      sale_id text not null,
      position bigint not null,
      events integer not null,
      key text not null,
      constraint seals_pkey primary key (sale_id, position)
    )`.execute(db);
  await sql`
    create table erasures (
      sale_id text not null,
      buyer_id text not null,
      pseudonym text not null,
      constraint erasures_pkey primary key (sale_id, buyer_id)
    )`.execute(db);
}
