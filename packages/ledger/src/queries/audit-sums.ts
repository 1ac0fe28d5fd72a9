import { holdsUnits, type LedgerSale, type LedgerSums, type ReservationStatus } from '@holdfast/core';
import type pg from 'pg';
import { inTransaction, type Queryable, rowsOf, type Statement } from '../database.ts';
import { readSale } from '../read-sale.ts';
import { rowsPerStatus, unitsInRows } from './units.ts';

/** Sums over a large sale take longer than a commit may. */
const auditTimeoutMs = 60_000;

/** What an audit compares: the ledger at one instant, and whatever `look` saw right after that instant. */
export interface AuditSums<Seen> {
  at: LedgerSale;
  sums: LedgerSums;
  seen: Seen;
}

/**
 * Counts a sale in one repeatable-read transaction. `look` is called once the instant is fixed and before the long sums,
 * so that the other side is seen a moment later and not seconds later. When it answers null, that side has moved on:
 * nothing is summed, and the answer is `moved`. Null when there is no such sale.
 */
export function auditSums<Seen>(
  pool: pg.Pool,
  region: string,
  saleId: string,
  look: (at: LedgerSale) => Promise<Seen | null>,
): Promise<AuditSums<Seen> | 'moved' | null> {
  return inTransaction(pool, async (client) => {
    await client.query('set transaction isolation level repeatable read, read only');
    const at = await readSale(client, saleId, region);
    if (at === null) return null;
    const seen = await look(at);
    if (seen === null) return 'moved';
    await rowsOf(client, timeoutStatement, [String(auditTimeoutMs)]);
    return { at, sums: await sumsOf(client, at), seen };
  });
}

/** For this transaction only; servers before Postgres 17 know no transaction_timeout. */
const timeoutStatement: Statement = {
  name: 'audit-timeout',
  text: `select set_config(name, $1, true) from pg_settings where name in ('statement_timeout', 'transaction_timeout')`,
};

const journalStatement: Statement = {
  name: 'audit-journal',
  text: 'select count(*)::bigint as count, coalesce(max(position), 0)::bigint as last from events where sale_id = $1',
};

const buyerStatement: Statement = {
  name: 'audit-buyers',
  text: `
    select coalesce(max(units), 0)::bigint as most from (
      select sum(units) as units from reservations
       where sale_id = $1 and status in ('held', 'confirmed', 'waitlisted') and buyer_id <> ''
       group by buyer_id) as b`,
};

async function sumsOf(db: Queryable, at: LedgerSale): Promise<LedgerSums> {
  const { cursor, sale } = at;
  const unitsPerItem = new Map<string, number>();
  for (const { sku, status, units } of await unitsInRows(db, [sale.id]))
    if (holdsUnits(status)) unitsPerItem.set(sku, (unitsPerItem.get(sku) ?? 0) + units);
  const rows = new Map<ReservationStatus, number>();
  for (const { status, reservations } of await rowsPerStatus(db, [sale.id]))
    rows.set(status, (rows.get(status) ?? 0) + reservations);
  const [journal] = await rowsOf<{ count: number; last: number }>(db, journalStatement, [sale.id]);
  const [buyer] = await rowsOf<{ most: number }>(db, buyerStatement, [sale.id]);
  return {
    epoch: cursor.epoch,
    committedSeq: cursor.committedSeq,
    tip: cursor.tip,
    position: cursor.position,
    head: cursor.head,
    waiting: at.waiting,
    items: new Map(
      [...at.items].map(([sku, counters]) => [sku, { ...counters, withdrawn: at.withdrawn.get(sku) ?? 0 }]),
    ),
    unitsInRows: unitsPerItem,
    rows,
    eventCount: journal?.count ?? 0,
    lastPosition: journal?.last ?? 0,
    mostUnitsOfABuyer: buyer?.most ?? 0,
  };
}
