import { type Kysely, sql } from 'kysely';

/** Keys of the console, of which only the digest is kept, and what was done with them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table api_keys (
      id text primary key,
      name text not null,
      prefix text not null,
      hash text not null,
      scopes text not null,
      created_at timestamptz not null,
      last_used_at timestamptz,
      revoked_at timestamptz,
      constraint api_keys_hash unique (hash)
    )`.execute(db);
  await sql`
    create table audit_log (
      at timestamptz not null,
      id text not null,
      key_id text,
      key_name text not null,
      method text not null,
      route text not null,
      path text not null,
      status integer not null,
      request_id text not null,
      constraint audit_log_pkey primary key (at, id)
    )`.execute(db);
}
