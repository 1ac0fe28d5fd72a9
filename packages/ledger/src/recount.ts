import { type Cursor, holdsUnits, type Mending, type NewEvent, reservationStatuses } from '@holdfast/core';
import type pg from 'pg';
import { numbers, texts } from './columns.ts';
import { inTransaction, isConflict, type Queryable, rowsOf, type Statement } from './database.ts';
import { takeFence } from './fence.ts';
import { chain, insertEvents } from './journal.ts';

/** Rows of a large sale take longer to add up than a commit may last. */
const recountTimeoutMs = 15_000;

const recountStatement: Statement = {
  name: 'recount',
  text: `
    select i.sku, i.taken - i.returned - coalesce(w.units, 0) as excess
      from items i left join (
        select l.sku, sum(l.quantity)::bigint as units
          from reservations r join reservation_lines l on l.ticket_id = r.ticket_id
         where r.sale_id = $1 and r.status = any($2::text[])
         group by l.sku) w on w.sku = i.sku
     where i.sale_id = $1 and i.taken - i.returned <> coalesce(w.units, 0)
     order by i.sku`,
};

/** Where a sale's counters are not what its rows add up to; one statement, and so at one instant. */
export async function recount(db: Queryable, saleId: string): Promise<Mending[]> {
  const holding = reservationStatuses.filter(holdsUnits);
  const rows = await rowsOf<{ sku: string; excess: number }>(db, recountStatement, [saleId, texts(holding)]);
  return rows.map(({ sku, excess }) => ({
    sku,
    kind: excess > 0 ? 'taken_without_row' : 'row_without_taken',
    units: Math.abs(excess),
  }));
}

const mendStatement: Statement = {
  name: 'mend-counters',
  text: `update items i set taken = i.taken + m.taken, returned = i.returned + m.returned
           from unnest($2::text[], $3::bigint[], $4::bigint[]) as m (sku, taken, returned)
          where i.sale_id = $1 and i.sku = m.sku`,
};

/**
 * Makes the counters agree with the rows by adding to one of them, which only grow. The rows are added up once more under
 * the fence, where nothing on the sale can move: `stale` when they then differ by anything else.
 */
export async function mendCounters(
  pool: pg.Pool,
  region: string,
  saleId: string,
  read: Cursor,
  mendings: readonly Mending[],
  at: number,
): Promise<'mended' | 'busy' | 'stale'> {
  const events = mendings.map((mending) => repairedEvent(mending, at));
  const rows = chain(saleId, read.position, read.head, events);
  const last = rows.at(-1);
  if (last === undefined) return 'stale';
  const step = { ...read, position: last.position, head: last.hash, waiting: 0 };
  try {
    return await inTransaction(
      pool,
      async (client) => {
        await rowsOf(client, timeoutStatement, [String(recountTimeoutMs)]);
        const fence = await takeFence(client, saleId, region, read, step);
        if (fence !== 'taken') return fence;
        if (JSON.stringify(await recount(client, saleId)) !== JSON.stringify(mendings)) return 'stale';
        const column = (kind: Mending['kind']) =>
          numbers(mendings.map((mending) => (mending.kind === kind ? mending.units : 0)));
        await rowsOf(client, mendStatement, [
          saleId,
          texts(mendings.map(({ sku }) => sku)),
          column('row_without_taken'),
          column('taken_without_row'),
        ]);
        await insertEvents(client, saleId, rows);
        return 'mended';
      },
      (answer) => answer === 'mended',
    );
  } catch (error) {
    if (isConflict(error)) return 'stale';
    throw new Error(`The counters of sale ${saleId} differ from its rows and could not be mended`, {
      cause: error,
    });
  }
}

function repairedEvent({ sku, kind, units }: Mending, at: number): NewEvent {
  return { type: 'repaired', ticketId: null, commandId: null, data: { sku, delta: units, repair: kind }, at };
}

/** For this transaction only; servers before Postgres 17 know no transaction_timeout. */
const timeoutStatement: Statement = {
  name: 'recount-timeout',
  text: `select set_config(name, $1, true) from pg_settings
          where name in ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')`,
};
