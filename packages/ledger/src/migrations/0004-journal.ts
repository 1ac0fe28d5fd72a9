import { type Kysely, sql } from 'kysely';

/** The journal. `data` is the exact text that was hashed, so it is text and not jsonb, which would rewrite it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table events (
      sale_id text not null,
      position bigint not null,
      type text not null,
      ticket_id text,
      command_id text,
      data text not null,
      at timestamptz not null,
      hash text not null,
      constraint events_pkey primary key (sale_id, position)
    )`.execute(db);
}
