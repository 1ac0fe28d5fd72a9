import { type Queryable, rowsOf, type Statement } from '../database.ts';
import type { JournalRow } from '../journal.ts';

/** Events read at a time. */
const pageSize = 2_000;

/** An event with the place in line of its ticket's row; null when it names no ticket, or one without a row. */
export interface PlacedRow extends Omit<JournalRow, 'opening'> {
  epoch: number | null;
  seq: number | null;
}

const rowsStatement: Statement = {
  name: 'journal-rows',
  text: `
    select e.position, e.type, e.ticket_id as "ticketId", e.command_id as "commandId", e.data, e.at, e.hash,
           r.epoch, r.seq
      from events e left join reservations r on r.ticket_id = e.ticket_id
     where e.sale_id = $1 and e.position > $2 and e.position <= $3 order by e.position limit $4`,
};

/**
 * The journal up to and with `lastPosition`, in pages, each row as it was hashed. What was written is never changed, so
 * no transaction is held open for it.
 */
export async function* journalRows(
  db: Queryable,
  saleId: string,
  lastPosition: number,
): AsyncGenerator<PlacedRow[]> {
  let position = 0;
  while (position < lastPosition) {
    const rows = await rowsOf<PlacedRow>(db, rowsStatement, [saleId, position, lastPosition, pageSize]);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    position = last.position;
  }
}
