import { type Kysely, sql } from 'kysely';

/**
 * Sums per sale, and per hour where hours are told apart (else `hour` is the epoch), which every commit run adds to:
 * statistics are read from these, and no index on `reservations` has to be kept for them. `held_at` is for the time between hold and confirm. Rows from before count in the hour in
 * which they came to be what they are.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table reservations add column held_at timestamptz`.execute(db);
  await sql`
    create table statistics (
      sale_id text not null,
      hour timestamptz not null,
      measure text not null,
      key text not null,
      reservations bigint not null,
      units bigint not null,
      amount_minor bigint not null,
      constraint statistics_pkey primary key (sale_id, hour, measure, key)
    ) with (fillfactor = 50)`.execute(db);
  const rows = sql`reservations r join reservation_lines l on l.ticket_id = r.ticket_id where r.buyer_id <> ''`;
  const sums = sql`count(distinct r.ticket_id), sum(l.quantity), sum(l.quantity * l.unit_price_minor)`;
  await sql`
    insert into statistics
    select r.sale_id, date_trunc('hour', coalesce(r.confirmed_at, r.reserved_at)), '>' || r.status, '', ${sums}
      from ${rows} group by 1, 2, 3`.execute(db);
  await sql`
    insert into statistics
    select r.sale_id, 'epoch', '>' || r.status, l.sku, ${sums} from ${rows} group by 1, 3, 4`.execute(db);
  await sql`
    insert into statistics
    select sale_id, 'epoch', 'rejected', coalesce(reason, 'sold_out'), count(*), 0, 0
      from reservations where status = 'rejected' group by 1, 4`.execute(db);
}
