import { type Cursor, erasureOf, evolve, type Reservation } from '@holdfast/core';
import type pg from 'pg';
import { numbers, texts } from './columns.ts';
import { inTransaction, isConflict, type Queryable, rowsOf, type Statement } from './database.ts';
import { takeFence } from './fence.ts';
import { chain, insertEvents } from './journal.ts';
import { keysOf } from './seal.ts';

/** The journal of a large sale is looked through once per erasure, which takes longer than a commit may. */
const lookThroughMs = 60_000;

const salesStatement: Statement = {
  name: 'sales-of-a-buyer',
  text: `select s.id from sales s
          where exists (select from reservations r where r.sale_id = s.id and r.buyer_id = $1)
             or exists (select from buyers b where b.sale_id = s.id and b.buyer_id = $1)
             or exists (select from erasures e where e.sale_id = s.id and e.buyer_id = $1)
          order by s.id`,
};

/** Sales that know this buyer, or have not wholly forgotten them. */
export async function salesOfBuyer(db: Queryable, buyerId: string): Promise<string[]> {
  return (await rowsOf<{ id: string }>(db, salesStatement, [buyerId])).map(({ id }) => id);
}

const pendingStatement: Statement = {
  name: 'erasure-under-way',
  text: 'select pseudonym from erasures where sale_id = $1 and buyer_id = $2',
};

/** What the buyer is called in an erasure that was begun and not finished; null when there is none. */
export async function erasureUnderWay(
  db: Queryable,
  saleId: string,
  buyerId: string,
): Promise<string | null> {
  const [row] = await rowsOf<{ pseudonym: string }>(db, pendingStatement, [saleId, buyerId]);
  return row?.pseudonym ?? null;
}

/** A piece of a buyer's reservations in one sale. */
export interface Erasure {
  saleId: string;
  buyerId: string;
  pseudonym: string;
  reservations: readonly Reservation[];
  at: number;
}

const eraseStatement: Statement = {
  name: 'erase-reservations',
  text: `update reservations r
            set buyer_id = $2, version = u.version, idempotency_key = null, fingerprint = null, payment_ref = null,
                outcomes = null
           from unnest($1::text[], $3::int[]) as u (ticket_id, version) where r.ticket_id = u.ticket_id`,
};

const eraseBuyerStatement: Statement = {
  name: 'erase-buyer',
  text: 'delete from buyers where sale_id = $1 and buyer_id = $2',
};

const beginStatement: Statement = {
  name: 'begin-erasure',
  text: `insert into erasures (sale_id, buyer_id, pseudonym) values ($1, $2, $3)
         on conflict (sale_id, buyer_id) do update set pseudonym = erasures.pseudonym returning pseudonym`,
};

/** One step under the fence: rows and journal agree before it and after it. `stale` and `busy`: read again. */
export async function eraseReservations(
  pool: pg.Pool,
  region: string,
  read: Cursor,
  { saleId, buyerId, pseudonym, reservations, at }: Erasure,
): Promise<'erased' | 'busy' | 'stale'> {
  const events = reservations.map((reservation) => erasureOf(reservation, pseudonym, at));
  const rows = chain(saleId, read.position, read.head, events);
  const after = reservations.map((reservation, index) => {
    const event = events[index];
    return event === undefined ? reservation : evolve(reservation, event);
  });
  const last = rows.at(-1);
  try {
    const fence = await inTransaction(
      pool,
      async (client): Promise<'taken' | 'busy' | 'stale'> => {
        const position = last?.position ?? read.position;
        const step = { ...read, position, head: last?.hash ?? read.head, waiting: 0 };
        const taken = await takeFence(client, saleId, region, read, step);
        if (taken !== 'taken') return taken;
        const [begun] = await rowsOf<{ pseudonym: string }>(client, beginStatement, [
          saleId,
          buyerId,
          pseudonym,
        ]);
        // Somebody else erases the same person: one name for all of it.
        if (begun?.pseudonym !== pseudonym) return 'stale';
        await rowsOf(client, eraseStatement, [
          texts(after.map(({ ticketId }) => ticketId)),
          pseudonym,
          numbers(after.map(({ version }) => version)),
        ]);
        await rowsOf(client, eraseBuyerStatement, [saleId, buyerId]);
        if (rows.length > 0) await insertEvents(client, saleId, rows);
        return taken;
      },
      (taken) => taken === 'taken',
    );
    return fence === 'taken' ? 'erased' : fence;
  } catch (error) {
    if (isConflict(error)) return 'stale';
    throw new Error(`A buyer of sale ${saleId} could not be erased`, { cause: error });
  }
}

const timeoutStatement: Statement = {
  name: 'look-through-timeout',
  text: `select set_config(name, $1, true) from pg_settings where name in ('statement_timeout', 'transaction_timeout')`,
};

const eventsStatement: Statement = {
  name: 'sealed-events-of-tickets',
  text: `select e.position from events e
          where e.sale_id = $1 and e.ticket_id = any($2::text[])
            and (e.opening is not null or strpos(e.data, '"buyer":"') > 0)`,
};

/** Runs whose key opens one of these events. */
const runsStatement: Statement = {
  name: 'runs-of-events',
  text: `select position, events, key from seals s
          where s.sale_id = $1 and exists (
            select from unnest($2::bigint[]) as p where p >= s.position and p < s.position + s.events)
          for update`,
};

const othersStatement: Statement = {
  name: 'write-out-keys',
  text: `update events e set opening = u.key
           from unnest($2::bigint[], $3::text[]) as u (position, key)
          where e.sale_id = $1 and e.position = u.position and e.opening is null
            and strpos(e.data, '"buyer":"') > 0 and not e.position = any($4::bigint[])`,
};

const forgetRunsStatement: Statement = {
  name: 'forget-run-keys',
  text: 'delete from seals where sale_id = $1 and position = any($2::bigint[])',
};

const forgetOpeningsStatement: Statement = {
  name: 'forget-openings',
  text: 'update events set opening = null where sale_id = $1 and position = any($2::bigint[])',
};

const forgetAnswersStatement: Statement = {
  name: 'forget-answers',
  text: `update requests q set body = '' where exists (select from unnest($1::text[]) as t where strpos(q.body, t) > 0)`,
};

/**
 * Forgets what opens the seals of these tickets' events. Keys that follow from the same run's are written out for the
 * others first. No hash covers any of it, and a key that is gone stays gone, so this needs no fence. The console's
 * remembered answers about these tickets go too: who asks again is told what is so then.
 */
export async function forgetOpenings(
  pool: pg.Pool,
  saleId: string,
  ticketIds: readonly string[],
): Promise<void> {
  if (ticketIds.length === 0) return;
  await inTransaction(pool, async (client) => {
    await rowsOf(client, timeoutStatement, [String(lookThroughMs)]);
    const theirs = numbers(
      (await rowsOf<{ position: number }>(client, eventsStatement, [saleId, texts(ticketIds)])).map(
        ({ position }) => position,
      ),
    );
    const runs = await rowsOf<{ position: number; events: number; key: string }>(client, runsStatement, [
      saleId,
      theirs,
    ]);
    for (const { position, events, key } of runs) {
      const keyOf = keysOf(Buffer.from(key, 'base64url'), events);
      const places = Array.from({ length: events }, (_, index) => index);
      await rowsOf(client, othersStatement, [
        saleId,
        numbers(places.map((index) => position + index)),
        texts(places.map(keyOf)),
        theirs,
      ]);
    }
    await rowsOf(client, forgetRunsStatement, [saleId, numbers(runs.map(({ position }) => position))]);
    await rowsOf(client, forgetOpeningsStatement, [saleId, theirs]);
    await rowsOf(client, forgetAnswersStatement, [texts(ticketIds)]);
  });
}

const finishStatement: Statement = {
  name: 'finish-erasure',
  text: 'delete from erasures where sale_id = $1 and buyer_id = $2',
};

/** The last word: after it nothing names the buyer. */
export async function finishErasure(db: Queryable, saleId: string, buyerId: string): Promise<void> {
  await rowsOf(db, finishStatement, [saleId, buyerId]);
}

const openingsStatement: Statement = {
  name: 'openings-of-a-buyer',
  text: `select e.position, e.opening, s.position as "runPosition", s.events, s.key
           from reservations r join events e on e.sale_id = r.sale_id and e.ticket_id = r.ticket_id
           left join seals s on s.sale_id = e.sale_id and e.position >= s.position and e.position < s.position + s.events
          where r.sale_id = $1 and r.buyer_id = $2 and strpos(e.data, '"buyer":"') > 0 order by e.position`,
};

/** By position, the key that opens the seal over who bought; only the ledger has it. */
export async function openingsOfBuyer(
  db: Queryable,
  saleId: string,
  buyerId: string,
): Promise<Map<number, string>> {
  const rows = await rowsOf<{
    position: number;
    opening: string | null;
    runPosition: number | null;
    events: number;
    key: string;
  }>(db, openingsStatement, [saleId, buyerId]);
  const openings = new Map<number, string>();
  for (const { position, opening, runPosition, events, key } of rows) {
    if (opening !== null) openings.set(position, opening);
    else if (runPosition !== null)
      openings.set(position, keysOf(Buffer.from(key, 'base64url'), events)(position - runPosition));
  }
  return openings;
}
