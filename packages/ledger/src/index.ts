/**
 * The ledger: Postgres, where a unit becomes true. Everything that changes a sale goes through one comparison
 * (`fence.ts`); everything that follows reads the journal, which is written in the same transaction.
 */
import type { Cursor, NewEvent, Reservation, RunLedger, Sale } from '@holdfast/core';
import { changeSale, createSale, type SaleChange } from './change-sale.ts';
import { commitRun } from './commit-run.ts';
import { drawnAt, readLobby } from './draw.ts';
import { type DatabaseOptions, isUnfit, openDatabase } from './database.ts';
import {
  type Erasure,
  eraseReservations,
  erasureUnderWay,
  finishErasure,
  forgetOpenings,
  openingsOfBuyer,
  salesOfBuyer,
} from './erase.ts';
import { readJournal } from './journal.ts';
import {
  type AuditRow,
  auditPage,
  findKey,
  insertKey,
  keyHolder,
  type KeyHolder,
  type KeyRow,
  listKeys,
  recordAudit,
  revokeKey,
} from './keys.ts';
import { liveSales } from './live-sales.ts';
import {
  dueHolds,
  knownTickets,
  nextDeadline,
  openHolds,
  readReservations,
  reservationsIn,
  reservationsOfBuyer,
  usedUnits,
} from './read-reservations.ts';
import { readSale } from './read-sale.ts';
import { createQueries, type LedgerQueries } from './queries/index.ts';
import { fenceRebuild } from './rebuild.ts';
import { restorePage } from './restore-page.ts';
import { mendCounters, recount } from './recount.ts';
import { recordRefusals } from './refusals.ts';
import { type AcceptedRequest, answerRequest, readRequest, type RememberedRequest } from './requests.ts';
import { readSettlement } from './settlement.ts';
import { createWebhooks, type Webhooks } from './webhooks/index.ts';

export { hashOf, journalStart } from './journal.ts';
export { migrate } from './migrate.ts';
export type { SaleChange } from './change-sale.ts';
export type { Erasure } from './erase.ts';
export type { KeyRow } from './keys.ts';
export type * from './queries/index.ts';
export type { AcceptedRequest, RememberedRequest } from './requests.ts';
export type * from './webhooks/index.ts';

export interface LedgerOptions extends DatabaseOptions {
  /** Which region's gate this ledger works with. */
  region?: string;
}

export interface Ledger extends RunLedger, LedgerQueries {
  createSale(
    sale: Sale,
    stock: ReadonlyMap<string, number>,
    event: NewEvent,
    request?: AcceptedRequest | null,
  ): Promise<boolean>;
  changeSale(read: Cursor, change: SaleChange): Promise<'changed' | 'busy' | 'stale' | 'repeated'>;
  /** What was answered to a request of the console; null when it was not carried out yet. */
  readRequest(key: string): Promise<RememberedRequest | null>;
  answerRequest(request: AcceptedRequest, status: number, body: string): Promise<void>;
  insertKey(key: Pick<KeyRow, 'id' | 'name' | 'prefix' | 'scopes'> & { hash: string }): Promise<KeyRow>;
  findKey(hash: string): Promise<KeyHolder | null>;
  /** Null for a key that was revoked. */
  keyHolder(id: string): Promise<KeyHolder | null>;
  listKeys(): Promise<KeyRow[]>;
  revokeKey(id: string): Promise<KeyRow | null>;
  recordAudit(entry: Omit<AuditRow, 'at'>): Promise<void>;
  auditPage(after: { at: number; id: string } | null, limit: number): Promise<AuditRow[]>;
  webhooks: Webhooks;
  /** Sales that know this buyer, or have not wholly forgotten them. */
  salesOfBuyer(buyerId: string): Promise<string[]>;
  reservationsOfBuyer(saleId: string, buyerId: string, limit: number): Promise<Reservation[]>;
  /** What the buyer is called in an erasure that was begun and not finished; null when there is none. */
  erasureUnderWay(saleId: string, buyerId: string): Promise<string | null>;
  eraseReservations(read: Cursor, erasure: Erasure): Promise<'erased' | 'busy' | 'stale'>;
  forgetOpenings(saleId: string, ticketIds: readonly string[]): Promise<void>;
  finishErasure(saleId: string, buyerId: string): Promise<void>;
  /** By position in the journal, the key that opens the seal over this buyer. */
  openingsOfBuyer(saleId: string, buyerId: string): Promise<Map<number, string>>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export function createLedger(options: LedgerOptions): Ledger {
  const region = options.region ?? 'local';
  const { pool, close } = openDatabase(options);
  return {
    readSale: (saleId) => readSale(pool, saleId, region),
    readReservations: (saleId, ticketIds) => readReservations(pool, saleId, ticketIds),
    dueHolds: (saleId, before, limit) => dueHolds(pool, saleId, before, limit),
    openHolds: (saleId, now, commandId, limit) => openHolds(pool, saleId, now, commandId, limit),
    reservationsIn: (saleId, statuses, limit) => reservationsIn(pool, saleId, statuses, limit),
    nextDeadline: (saleId) => nextDeadline(pool, saleId),
    usedUnits: (saleId, buyerIds) => usedUnits(pool, saleId, buyerIds),
    knownTickets: (ticketIds) => knownTickets(pool, ticketIds),
    commitRun: (saleId, read, result, reached) => commitRun(pool, region, saleId, read, result, reached),
    settlement: (saleId, fromPosition, limit) => readSettlement(pool, region, saleId, fromPosition, limit),
    restorePage: (saleId, epoch, from) => restorePage(pool, region, saleId, epoch, from),
    isUnfit,
    fenceRebuild: (saleId, observed, gateEpoch, why) =>
      fenceRebuild(pool, region, saleId, observed, gateEpoch, why),
    recount: (saleId) => recount(pool, saleId),
    mendCounters: (saleId, read, mendings, at) => mendCounters(pool, region, saleId, read, mendings, at),
    liveSales: () => liveSales(pool, region),
    recordRefusals: (saleId, refusals) => recordRefusals(pool, saleId, refusals),
    journal: (saleId, afterPosition, limit) => readJournal(pool, saleId, afterPosition, limit),
    createSale: (sale, stock, event, request) => createSale(pool, region, sale, stock, event, request),
    readLobby: (saleId, position) => readLobby(pool, saleId, position),
    drawnAt: (saleId) => drawnAt(pool, saleId),
    move: (read, sale, event) => changeSale(pool, region, read, { sale, restocked: new Map(), event }),
    changeSale: (read, change) => changeSale(pool, region, read, change),
    readRequest: (key) => readRequest(pool, key),
    answerRequest: (request, status, body) => answerRequest(pool, request, status, body),
    insertKey: (key) => insertKey(pool, key),
    findKey: (hash) => findKey(pool, hash),
    keyHolder: (id) => keyHolder(pool, id),
    listKeys: () => listKeys(pool),
    revokeKey: (id) => revokeKey(pool, id),
    recordAudit: (entry) => recordAudit(pool, entry),
    auditPage: (after, limit) => auditPage(pool, after, limit),
    webhooks: createWebhooks(pool, region),
    salesOfBuyer: (buyerId) => salesOfBuyer(pool, buyerId),
    reservationsOfBuyer: (saleId, buyerId, limit) => reservationsOfBuyer(pool, saleId, buyerId, limit),
    erasureUnderWay: (saleId, buyerId) => erasureUnderWay(pool, saleId, buyerId),
    eraseReservations: (read, erasure) => eraseReservations(pool, region, read, erasure),
    forgetOpenings: (saleId, ticketIds) => forgetOpenings(pool, saleId, ticketIds),
    finishErasure: (saleId, buyerId) => finishErasure(pool, saleId, buyerId),
    openingsOfBuyer: (saleId, buyerId) => openingsOfBuyer(pool, saleId, buyerId),
    ...createQueries(pool, region),
    ping: async () => {
      await pool.query('select 1');
    },
    close,
  };
}
