import { type JournalEvent, parseTicketId, type Reservation } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';
import { eventOf, type JournalRow } from '../journal.ts';
import { readReservations } from '../read-reservations.ts';

export interface TicketStory {
  reservation: Reservation;
  events: JournalEvent[];
}

const eventsStatement: Statement = {
  name: 'events-of-a-ticket',
  text: `
    select position, type, ticket_id as "ticketId", command_id as "commandId", data, at, hash, opening
      from events where sale_id = $1 and ticket_id = $2 order by position limit $3`,
};

/** More events than one ticket can have: commands are answered from its outcomes once they are decided. */
const mostEvents = 1_000;

/** A ticket's row and what happened to it, in order; null for a ticket that the ledger does not have. */
export async function ticketStory(db: Queryable, ticketId: string): Promise<TicketStory | null> {
  const parts = parseTicketId(ticketId);
  if (parts === null) return null;
  const [reservation] = await readReservations(db, parts.saleId, [ticketId]);
  if (reservation === undefined) return null;
  const rows = await rowsOf<JournalRow>(db, eventsStatement, [parts.saleId, ticketId, mostEvents]);
  return {
    reservation,
    events: rows.map(eventOf),
  };
}
