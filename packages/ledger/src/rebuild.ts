import { type Cursor, type IntakeEntry, isReserve, type RebuildSource } from '@holdfast/core';
import type pg from 'pg';
import { pagesOfClaims } from './claims.ts';
import { texts } from './columns.ts';
import { inTransaction, isConflict, type Queryable, rowsOf, type Statement } from './database.ts';
import { pagesOfMembers } from './draw.ts';
import { takeFence } from './fence.ts';
import { insertEvents, link } from './journal.ts';
import { knownTickets, readReservations } from './read-reservations.ts';
import { readSale } from './read-sale.ts';
import { pagesToRestore } from './restore-page.ts';

/** Buyers read per page while a gate is rebuilt. */
const pageSize = 2_000;

/**
 * Step (a) of a rebuild: one transaction compares everything as observed and moves the sale to a new epoch, so that
 * exactly one rebuild happens and every older run, settlement and admission is fenced off.
 * Null when another did it or the ledger moved on: look again before rebuilding anything.
 */
export async function fenceRebuild(
  pool: pg.Pool,
  region: string,
  saleId: string,
  observed: Cursor,
  gateEpoch: number,
  why = 'the gate does not continue the ledger',
): Promise<RebuildSource | null> {
  const before = await readSale(pool, saleId, region);
  // Most who find a gate wrong have only been overtaken: they are told so without a transaction.
  if (before === null || before.cursor.revision !== observed.revision) return null;
  const epoch = Math.max(observed.epoch, gateEpoch) + 1;
  const event = link(saleId, observed.position + 1, observed.head, {
    type: 'gate_rebuilt',
    ticketId: null,
    commandId: null,
    data: { epoch, seq: observed.committedSeq, why },
    at: Date.now(),
  });
  const cursor: Cursor = {
    ...observed,
    epoch,
    revision: observed.revision + 1,
    position: event.position,
    head: event.hash,
  };
  const fencing = inTransaction(
    pool,
    async (client) => {
      const taken = await takeFence(client, saleId, region, observed, { ...cursor, waiting: 0 });
      if (taken !== 'taken') return null;
      await insertEvents(client, saleId, [event]);
      // Read under the fence: counters and cursor of one instant.
      return readSale(client, saleId, region);
    },
    (at) => at !== null,
  );
  const fence = await fencing.catch((error: unknown) => {
    if (isConflict(error)) return null;
    throw error;
  });
  if (fence === null) return null;
  return {
    sale: fence.sale,
    cursor,
    before: observed,
    items: fence.items,
    withdrawn: fence.withdrawn,
    waiting: fence.waiting,
    claims: pagesOfClaims(pool, region, saleId),
    released: pagesOfReleased(pool, saleId),
    members: fence.sale.draw === undefined ? none() : pagesOfMembers(pool, saleId),
    placed: fence.placed,
    restored: pagesToRestore(pool, region, saleId, cursor.epoch),
    unknownOf: (entries) => unknownOf(pool, saleId, entries, fence.placed),
    repeatsOf: (entries) => repeatsOf(pool, saleId, entries),
  };
}

const releasedPage: Statement = {
  name: 'released-page',
  text: `select buyer_id as buyer, released from buyers where sale_id = $1 and buyer_id > $2 order by buyer_id limit $3`,
};

async function* pagesOfReleased(db: Queryable, saleId: string): AsyncGenerator<Map<string, number>> {
  let after = '';
  for (;;) {
    const rows = await rowsOf<{ buyer: string; released: number }>(db, releasedPage, [
      saleId,
      after,
      pageSize,
    ]);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield new Map(rows.map(({ buyer, released }) => [buyer, released]));
    after = last.buyer;
  }
}

async function* none(): AsyncGenerator<never> {}

/** `placed`: the last number of the draw that the ledger has decided. */
async function unknownOf(
  db: Queryable,
  saleId: string,
  entries: IntakeEntry[],
  placed: number,
): ReturnType<RebuildSource['unknownOf']> {
  const known = await knownTickets(
    db,
    entries.filter(isReserve).map((entry) => entry.ticketId),
  );
  const commanded = entries.filter((entry) => !isReserve(entry)).map((entry) => entry.ticketId);
  const reservations = await readReservations(db, saleId, [...new Set(commanded)]);
  const decided = new Set(
    reservations.flatMap((r) => Object.keys(r.outcomes).map((id) => `${r.ticketId} ${id}`)),
  );
  const unknown = entries.filter((entry) => {
    if (entry.kind === 'place') return entry.number > placed;
    return isReserve(entry) ? !known.has(entry.ticketId) : !decided.has(`${entry.ticketId} ${entry.id}`);
  });
  return { entries: unknown, reservations };
}

const byKey: Statement = {
  name: 'tickets-by-key',
  text: `select k.ticket, r.ticket_id as first
           from unnest($2::text[], $3::text[], $4::text[]) as k (ticket, buyer, key)
           join reservations r on r.sale_id = $1 and r.buyer_id = k.buyer and r.idempotency_key = k.key
          where r.ticket_id <> k.ticket`,
};

/** A gate that lost its tail has forgotten keys, and whoever asked again by one got another ticket. */
async function repeatsOf(
  db: Queryable,
  saleId: string,
  entries: readonly IntakeEntry[],
): Promise<Map<string, string>> {
  const keyed = entries.filter(isReserve).filter((entry) => entry.idempotencyKey !== null);
  if (keyed.length === 0) return new Map();
  const rows = await rowsOf<{ ticket: string; first: string }>(db, byKey, [
    saleId,
    texts(keyed.map((entry) => entry.ticketId)),
    texts(keyed.map((entry) => entry.buyerId)),
    texts(keyed.map((entry) => entry.idempotencyKey)),
  ]);
  return new Map(rows.map(({ ticket, first }) => [ticket, first]));
}
