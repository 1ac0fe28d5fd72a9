import type { CommitAnswer, Cursor, Outcome, Reached, Reservation, RunResult } from '@holdfast/core';
import { unitsOf } from '@holdfast/core';
import type pg from 'pg';
import { numbers, texts } from './columns.ts';
import {
  inTransaction,
  isConflict,
  isOversold,
  isUniqueViolation,
  type Queryable,
  rowsOf,
  type Statement,
} from './database.ts';
import { countPlaced } from './draw.ts';
import { takeFence } from './fence.ts';
import { chain, insertEvents, type JournalRow } from './journal.ts';
import { sealEvents } from './seal.ts';
import { addTallies } from './tallies.ts';

/**
 * Writes one run of a sale: fence, stock, reservations, lines, events; all or nothing.
 * The gate hears of it by packages/gate/src/lua/settle.lua.
 * A connection that is lost at COMMIT throws, and the caller reads the cursor again to learn what became of it.
 */
export async function commitRun(
  pool: pg.Pool,
  region: string,
  saleId: string,
  read: Cursor,
  result: RunResult,
  reached: Reached,
): Promise<CommitAnswer> {
  const { events, runKey } = sealEvents(result);
  const rows = chain(saleId, read.position, read.head, events);
  const last = rows.at(-1);
  const cursor: Cursor = {
    epoch: read.epoch,
    revision: read.revision + 1,
    committedSeq: reached.seq,
    tip: reached.tip,
    position: last?.position ?? read.position,
    head: last?.hash ?? read.head,
    ranAt: Math.max(read.ranAt, reached.ranAt),
  };
  try {
    return await inTransaction<CommitAnswer>(
      pool,
      async (client) => {
        const fence = await takeFence(client, saleId, region, read, { ...cursor, waiting: result.waiting });
        if (fence !== 'taken') return { kind: fence };
        return {
          kind: 'committed',
          cursor,
          released: await writeRun(client, region, saleId, result, rows, runKey, reached.ranAt),
        };
      },
      (answer) => answer.kind === 'committed',
    );
  } catch (error) {
    if (isConflict(error) || isOversold(error)) return { kind: 'stale' };
    if (isUniqueViolation(error)) return { kind: 'duplicate' };
    throw new Error(`The run of sale ${saleId} after seq ${read.committedSeq} could not be committed`, {
      cause: error,
    });
  }
}

async function writeRun(
  db: Queryable,
  region: string,
  saleId: string,
  result: RunResult,
  rows: readonly JournalRow[],
  runKey: string | null,
  ranAt: number,
): Promise<Map<string, number>> {
  // One statement after the other: a connection works on one at a time, and the first failure must stop the rest.
  await countUnits(db, saleId, result);
  if (result.inserted.length > 0) await insertReservations(db, region, result.inserted);
  if (result.updated.length > 0) await updateReservations(db, result.updated);
  if (result.placed.length > 0) await placeReservations(db, result.placed);
  if (result.drawnTo > 0) await countPlaced(db, saleId, result.drawnTo);
  if (rows.length > 0) await insertEvents(db, saleId, rows, runKey);
  if (result.tallies.length > 0) await addTallies(db, saleId, ranAt, result.tallies);
  return result.released.size > 0 ? countReleased(db, saleId, result.released) : new Map();
}

const countUnitsStatement: Statement = {
  name: 'count-units',
  text: `update items i set taken = i.taken + u.taken, returned = i.returned + u.returned, withdrawn = i.withdrawn + u.withdrawn
           from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) as u (sku, taken, returned, withdrawn)
          where i.sale_id = $1 and i.sku = u.sku`,
};

async function countUnits(db: Queryable, saleId: string, result: RunResult): Promise<void> {
  const skus = [...new Set([...result.taken.keys(), ...result.returned.keys()])];
  if (skus.length === 0) return;
  const column = (counts: ReadonlyMap<string, number>) => numbers(skus.map((sku) => counts.get(sku) ?? 0));
  await db.query({
    ...countUnitsStatement,
    values: [saleId, texts(skus), column(result.taken), column(result.returned), column(result.withdrawn)],
  });
}

const insertReservationsStatement: Statement = {
  name: 'insert-reservations',
  text: `
    with inserted as (
      insert into reservations (ticket_id, sale_id, region, epoch, seq, buyer_id, idempotency_key, fingerprint, units,
                                status, version, reserved_at, held_at, expires_at, confirmed_at, payment_ref, reason,
                                extensions, extended_seconds, tip, outcomes)
      select ticket_id, $1, $2, $3, seq, buyer_id, idempotency_key, fingerprint, units, status, version,
             to_timestamp(reserved_at / 1000.0), to_timestamp(held_at / 1000.0), to_timestamp(expires_at / 1000.0),
             to_timestamp(confirmed_at / 1000.0), payment_ref, reason, extensions, extended_seconds, tip, outcomes
        from unnest($4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::int[], $10::text[], $11::int[],
                    $12::float8[], $13::float8[], $14::float8[], $15::float8[], $16::text[], $17::text[], $18::int[],
                    $19::int[], $20::text[], $21::text[])
          as r (ticket_id, seq, buyer_id, idempotency_key, fingerprint, units, status, version, reserved_at, held_at,
                expires_at, confirmed_at, payment_ref, reason, extensions, extended_seconds, tip, outcomes)
    )
    insert into reservation_lines (ticket_id, sku, quantity, unit_price_minor)
    select * from unnest($22::text[], $23::text[], $24::int[], $25::bigint[])`,
};

async function insertReservations(
  db: Queryable,
  region: string,
  inserted: readonly Reservation[],
): Promise<void> {
  const first = inserted[0] as Reservation;
  const lineTickets: string[] = [];
  const skus: string[] = [];
  const quantities: number[] = [];
  const prices: number[] = [];
  for (const { ticketId, lines } of inserted) {
    for (const line of lines) {
      lineTickets.push(ticketId);
      skus.push(line.sku);
      quantities.push(line.quantity);
      prices.push(line.unitPriceMinor);
    }
  }
  await db.query({
    ...insertReservationsStatement,
    values: [
      first.saleId,
      region,
      first.epoch,
      texts(inserted.map((r) => r.ticketId)),
      numbers(inserted.map((r) => r.seq)),
      texts(inserted.map((r) => r.buyerId)),
      texts(inserted.map((r) => r.idempotencyKey)),
      texts(inserted.map((r) => r.fingerprint)),
      numbers(inserted.map((r) => unitsOf(r.lines))),
      texts(inserted.map((r) => r.status)),
      numbers(inserted.map((r) => r.version)),
      numbers(inserted.map((r) => r.reservedAt)),
      numbers(inserted.map((r) => r.heldAt)),
      numbers(inserted.map((r) => r.expiresAt)),
      numbers(inserted.map((r) => r.confirmedAt)),
      texts(inserted.map((r) => r.paymentRef)),
      texts(inserted.map((r) => r.reason)),
      numbers(inserted.map((r) => r.extensions)),
      numbers(inserted.map((r) => r.extendedSeconds)),
      texts(inserted.map((r) => r.tip)),
      texts(inserted.map((r) => outcomesText(r.outcomes))),
      texts(lineTickets),
      texts(skus),
      numbers(quantities),
      numbers(prices),
    ],
  });
}

const updateReservationsStatement: Statement = {
  name: 'update-reservations',
  text: `
    update reservations r
       set status = u.status, version = u.version, held_at = to_timestamp(u.held_at / 1000.0),
           expires_at = to_timestamp(u.expires_at / 1000.0), confirmed_at = to_timestamp(u.confirmed_at / 1000.0), payment_ref = u.payment_ref, reason = u.reason,
           extensions = u.extensions, extended_seconds = u.extended_seconds, outcomes = u.outcomes
      from unnest($1::text[], $2::text[], $3::int[], $4::float8[], $5::float8[], $6::float8[], $7::text[], $8::text[],
                  $9::int[], $10::int[], $11::text[])
        as u (ticket_id, status, version, held_at, expires_at, confirmed_at, payment_ref, reason, extensions,
              extended_seconds, outcomes)
     where r.ticket_id = u.ticket_id`,
};

async function updateReservations(db: Queryable, updated: readonly Reservation[]): Promise<void> {
  await db.query({
    ...updateReservationsStatement,
    values: [
      texts(updated.map((r) => r.ticketId)),
      texts(updated.map((r) => r.status)),
      numbers(updated.map((r) => r.version)),
      numbers(updated.map((r) => r.heldAt)),
      numbers(updated.map((r) => r.expiresAt)),
      numbers(updated.map((r) => r.confirmedAt)),
      texts(updated.map((r) => r.paymentRef)),
      texts(updated.map((r) => r.reason)),
      numbers(updated.map((r) => r.extensions)),
      numbers(updated.map((r) => r.extendedSeconds)),
      texts(updated.map((r) => outcomesText(r.outcomes))),
    ],
  });
}

const placeReservationsStatement: Statement = {
  name: 'place-reservations',
  text: `
    update reservations r set epoch = u.epoch, seq = u.seq, tip = u.tip
      from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) as u (ticket_id, epoch, seq, tip)
     where r.ticket_id = u.ticket_id`,
};

/** The place in line changes once, and only for who was drawn: every other update leaves that index alone. */
async function placeReservations(db: Queryable, placed: readonly Reservation[]): Promise<void> {
  await db.query({
    ...placeReservationsStatement,
    values: [
      texts(placed.map((r) => r.ticketId)),
      numbers(placed.map((r) => r.epoch)),
      numbers(placed.map((r) => r.seq)),
      texts(placed.map((r) => r.tip)),
    ],
  });
}

const countReleasedStatement: Statement = {
  name: 'count-released',
  text: `insert into buyers (sale_id, buyer_id, released)
         select $1, * from unnest($2::text[], $3::bigint[])
         on conflict (sale_id, buyer_id) do update set released = buyers.released + excluded.released
         returning buyer_id as buyer, released`,
};

/** Answers with what each of these buyers has given back in all. */
async function countReleased(
  db: Queryable,
  saleId: string,
  released: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  const rows = await rowsOf<{ buyer: string; released: number }>(db, countReleasedStatement, [
    saleId,
    texts([...released.keys()]),
    numbers([...released.values()]),
  ]);
  return new Map(rows.map(({ buyer, released: units }) => [buyer, units]));
}

function outcomesText(outcomes: Record<string, Outcome>): string | null {
  for (const _ in outcomes) return JSON.stringify(outcomes);
  return null;
}
