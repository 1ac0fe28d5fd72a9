import { type Kysely, sql } from 'kysely';

/**
 * Who waits for units, in order: every settlement of a sale with a waitlist reads the first of them. Without it each read
 * all reservations of the sale. Only rows that wait are in it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index reservations_waiting on reservations (sale_id, epoch, seq)
     where status in ('waitlisted', 'paid_late')`.execute(db);
}
