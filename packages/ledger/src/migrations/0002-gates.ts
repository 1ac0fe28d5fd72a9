import { type Kysely, sql } from 'kysely';

/** Where the ledger stands with each gate: the row that every transaction on a sale compares and moves. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table gates (
      sale_id text not null,
      region text not null,
      epoch bigint not null,
      revision bigint not null,
      committed_seq bigint not null,
      tip text not null,
      position bigint not null,
      head text not null,
      waiting bigint not null,
      ran_at bigint not null,
      constraint gates_pkey primary key (sale_id, region)
    )`.execute(db);
}
