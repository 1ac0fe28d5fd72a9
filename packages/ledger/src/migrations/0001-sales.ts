import { type Kysely, sql } from 'kysely';

/** What a merchant offers, with the counters of each item; the CHECK is the last line against overselling. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table sales (
      id text primary key,
      name text not null,
      status text not null,
      opens_at timestamptz,
      closes_at timestamptz,
      hold_seconds integer not null,
      per_buyer_limit integer,
      currency text not null,
      shard text not null,
      config text not null,
      terms_version integer not null,
      created_at timestamptz not null
    )`.execute(db);
  await sql`
    create table items (
      sale_id text not null,
      sku text not null,
      place integer not null,
      name text not null,
      description text,
      image_url text,
      price_minor bigint not null,
      stock bigint not null,
      returned bigint not null,
      taken bigint not null,
      withdrawn bigint not null,
      constraint items_pkey primary key (sale_id, sku),
      constraint items_never_oversold check (taken - returned <= stock),
      constraint items_counters_grow_from_zero check (stock >= 0 and returned >= 0 and taken >= 0)
    )`.execute(db);
}
