import { type Kysely, sql } from 'kysely';

/**
 * One row per sale that opened a lobby. The seed stays here, and nowhere else, until the draw: `members` and `list_hash`
 * say that there was one. `placed` counts how far the drawn order is decided.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table draws (
      sale_id text primary key,
      commitment text not null,
      seed text not null,
      beacon text,
      members bigint,
      list_hash text,
      placed bigint not null
    )`.execute(db);
}
