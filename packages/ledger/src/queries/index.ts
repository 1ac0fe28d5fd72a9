/** What the console reads. Nothing here changes anything. */
import type { RefusalCode, Reservation } from '@holdfast/core';
import type pg from 'pg';
import type { LedgerSale } from '@holdfast/core';
import { type AuditSums, auditSums } from './audit-sums.ts';
import { journalRows, type PlacedRow } from './journal-rows.ts';
import { refusalsByReason, rejectionsByReason } from './refusals-by-reason.ts';
import { eventsPerType, type EventsOfType, type LedgerPulse, ledgerPulse, type Stretch } from './pulse.ts';
import { type PlaceCursor, type ReservationFilter, reservationsPage } from './reservations-page.ts';
import { type SalesCursor, salesPage } from './sales-page.ts';
import { statistics, type StatisticsSum, type StatisticsSums } from './statistics.ts';
import { type SaleTally, saleTally } from './sale-tally.ts';
import { type TicketStory, ticketStory } from './ticket-story.ts';
import { type RowCount, rowsPerStatus, type UnitsInRows, unitsInRows } from './units.ts';

export type {
  AuditSums,
  EventsOfType,
  LedgerPulse,
  PlaceCursor,
  PlacedRow,
  ReservationFilter,
  RowCount,
  SalesCursor,
  StatisticsSum,
  StatisticsSums,
  SaleTally,
  Stretch,
  TicketStory,
  UnitsInRows,
};

export interface LedgerQueries {
  /** Sales, the newest first, behind `after`. */
  salesPage(after: SalesCursor | null, limit: number): Promise<LedgerSale[]>;
  unitsInRows(saleIds: string[]): Promise<UnitsInRows[]>;
  rowsPerStatus(saleIds: string[]): Promise<RowCount[]>;
  refusalsByReason(saleId: string): Promise<Map<RefusalCode, number>>;
  rejectionsByReason(saleId: string): Promise<Map<RefusalCode, number>>;
  statistics(saleId: string): Promise<StatisticsSums | null>;
  reservationsPage(
    saleId: string,
    filter: ReservationFilter,
    after: PlaceCursor | null,
    limit: number,
  ): Promise<Reservation[]>;
  journalRows(saleId: string, lastPosition: number): AsyncIterable<PlacedRow[]>;
  ticketStory(ticketId: string): Promise<TicketStory | null>;
  /** Where the ledger stands for the sales that ran last, drafts and settled ones left out; at most `limit`. */
  ledgerPulse(limit: number): Promise<LedgerPulse[]>;
  /** Events per type in stretches of journals; what is zero is absent. */
  eventsPerType(stretches: readonly Stretch[]): Promise<EventsOfType[]>;
  /** Rows, units and money of one sale, counted in rows at one instant. */
  saleTally(saleId: string): Promise<SaleTally>;
  auditSums<Seen>(
    saleId: string,
    look: (at: LedgerSale) => Promise<Seen | null>,
  ): Promise<AuditSums<Seen> | 'moved' | null>;
}

export function createQueries(pool: pg.Pool, region: string): LedgerQueries {
  return {
    salesPage: (after, limit) => salesPage(pool, region, after, limit),
    unitsInRows: (saleIds) => unitsInRows(pool, saleIds),
    rowsPerStatus: (saleIds) => rowsPerStatus(pool, saleIds),
    refusalsByReason: (saleId) => refusalsByReason(pool, saleId),
    rejectionsByReason: (saleId) => rejectionsByReason(pool, saleId),
    statistics: (saleId) => statistics(pool, saleId),
    reservationsPage: (saleId, filter, after, limit) =>
      reservationsPage(pool, region, saleId, filter, after, limit),
    journalRows: (saleId, lastPosition) => journalRows(pool, saleId, lastPosition),
    ticketStory: (ticketId) => ticketStory(pool, ticketId),
    ledgerPulse: (limit) => ledgerPulse(pool, region, limit),
    eventsPerType: (stretches) => eventsPerType(pool, stretches),
    saleTally: (saleId) => saleTally(pool, saleId),
    auditSums: (saleId, look) => auditSums(pool, region, saleId, look),
  };
}
