import type { Check, JournalEvent, LedgerSale, RefusalCode, ReservationStatus } from '@holdfast/core';
import { isoTime } from '../text.ts';
import {
  type CountPerStatus,
  refusalRecord,
  type SaleCounts,
  saleRecord,
  zeroPerStatus,
} from './sale-record.ts';

/** How one second of a sale went; rates are per second. Null: there was nothing that it could be told from. */
export interface LiveSample {
  /** Epoch milliseconds. */
  at: number;
  /** Reservations that were given a place in line. */
  admitted: number | null;
  /** Refusals at the gate, by reason. */
  refused: Partial<Record<RefusalCode, number>>;
  /** Entries that the ledger does not have yet, and the age of the first of them. */
  depth: number | null;
  oldestAgeMs: number | null;
  transactions: number;
  /** Entries per transaction, and from deciding a batch to its commit, on average. */
  batch: number | null;
  commitMs: number | null;
  /** What happened to holds, as the journal has it. */
  held: number | null;
  confirmed: number | null;
  lapsed: number | null;
  givenBack: number | null;
  /** Units that buyers hold or have bought, and those that a newcomer could have. */
  units: number;
  available: number | null;
}

/** Samples as columns, the oldest first. */
export type LiveHistory = {
  [Column in Exclude<keyof LiveSample, 'refused'>]: LiveSample[Column][];
} & { refused: Partial<Record<RefusalCode, number[]>> };

export function liveHistory(samples: readonly LiveSample[]): LiveHistory {
  const reasons = [...new Set(samples.flatMap(({ refused }) => Object.keys(refused) as RefusalCode[]))];
  const refused: LiveHistory['refused'] = {};
  for (const reason of reasons) refused[reason] = samples.map((sample) => sample.refused[reason] ?? 0);
  return {
    at: samples.map((sample) => sample.at),
    admitted: samples.map((sample) => sample.admitted),
    depth: samples.map((sample) => sample.depth),
    oldestAgeMs: samples.map((sample) => sample.oldestAgeMs),
    transactions: samples.map((sample) => sample.transactions),
    batch: samples.map((sample) => sample.batch),
    commitMs: samples.map((sample) => sample.commitMs),
    held: samples.map((sample) => sample.held),
    confirmed: samples.map((sample) => sample.confirmed),
    lapsed: samples.map((sample) => sample.lapsed),
    givenBack: samples.map((sample) => sample.givenBack),
    units: samples.map((sample) => sample.units),
    available: samples.map((sample) => sample.available),
    refused,
  };
}

/** What the last audit of a sale said. */
export interface AuditVerdict {
  /** When it began, epoch milliseconds, and how long it took. */
  at: number;
  tookMs: number;
  ok: boolean;
  checks: number;
  /** Those that do not hold. */
  broken: Check[];
  incidents: Incident[];
}

export function verdictRecord({ at, incidents, ...verdict }: AuditVerdict) {
  return { at: isoTime(at), ...verdict, incidents: incidents.map(incidentRecord) };
}

/** An event of the journal that says that something was not as it should be: mended, rebuilt, or set aside. */
export type Incident = Pick<JournalEvent, 'position' | 'type' | 'at' | 'data'>;

export function incidentRecord({ position, type, at, data }: Incident) {
  const { sku = null, delta, lines = [], repair = null, why = null, epoch, seq, digest = null } = data;
  return {
    position,
    type,
    at: isoTime(at),
    sku,
    units: delta ?? lines.reduce((sum, [, quantity]) => sum + quantity, 0),
    repair,
    why,
    /** Place of the entry that was set aside. */
    entry: type === 'quarantined' ? `${epoch}.${seq}` : null,
    digest,
  };
}

/** A sale at a glance, counted in rows. */
export interface SaleGlance {
  /** When it was counted, epoch milliseconds. */
  at: number;
  sale: LedgerSale;
  counts: SaleCounts;
  minor: readonly { status: ReservationStatus; minor: number }[];
  refusals: ReadonlyMap<RefusalCode, number>;
  rejections: ReadonlyMap<RefusalCode, number>;
}

export function glanceRecord(glance: SaleGlance) {
  const money = zeroPerStatus();
  for (const { status, minor } of glance.minor) money[status] += minor;
  return {
    countedAt: isoTime(glance.at),
    ...saleRecord(glance.sale, glance.counts),
    ...refusalRecord(glance.refusals, glance.rejections),
    /** What the units of each status cost, in minor units. */
    money: money as CountPerStatus,
  };
}

export type SaleGlanceRecord = ReturnType<typeof glanceRecord>;
export type AuditVerdictRecord = ReturnType<typeof verdictRecord>;

/** The data of a frame of `GET /v1/sales/{id}/live`; the first, named `snapshot`, brings the history. */
export interface LiveFrame {
  at: string;
  sale: SaleGlanceRecord;
  sample: LiveSample | null;
  /** Null until somebody has watched for long enough. */
  audit: AuditVerdictRecord | null;
  history?: LiveHistory;
}
