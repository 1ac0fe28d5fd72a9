import type { Evidence } from './evidence.ts';
import { checkJournal, type JournalFindings } from './journal-check.ts';
import type { AuditAnswer, Merchant, Row } from './merchant.ts';
import type { SaleSeen, ShopWindow } from './shop-window.ts';
import { judge, type Verdict } from './verdict.ts';

export interface Proof {
  verdict: Verdict;
  /** The console's own opinion; undefined without a console. */
  audit: AuditAnswer | undefined;
  /** Undefined without a console that exports it. */
  journal: JournalFindings | undefined;
  /** Nothing was queued or about to lapse any more when the rows were read. */
  atRest: boolean;
}

/**
 * Waits until the sale is at rest, then judges it. Leaks count only at rest, and must be gone within the 10 s that
 * the repair is given; holds that were walked away from are awaited when they lapse soon.
 */
export async function prove(
  saleId: string,
  evidence: Evidence,
  window: ShopWindow,
  merchant: Merchant | undefined,
): Promise<Proof> {
  const { holdSeconds } = await window.sale(saleId);
  const lapsesSoon = holdSeconds <= LAPSE_AWAITED_MAX_SECONDS;
  const untilMs = performance.now() + (lapsesSoon ? holdSeconds * 1_000 : 0) + REPAIR_MAX_MS;
  for (;;) {
    const proof = await proveOnce(saleId, evidence, window, merchant, lapsesSoon);
    if ((proof.atRest && !isBroken(proof)) || performance.now() > untilMs) return proof;
    await pause(LOOK_AGAIN_MS);
  }
}

/** The laws, by the words of the table; a law that could not be checked is null. */
export function laws({ verdict, journal }: Proof): Record<string, number | null> {
  const { oversold, leaked, lost, outOfOrder, doubled, offeredTwice, overLimit } = verdict;
  return {
    oversold: Math.max(oversold, journal?.oversoldAtWorst ?? 0),
    leaked,
    lost,
    'out of order': outOfOrder,
    doubled,
    'offered twice': offeredTwice,
    overtaken: journal?.overtaken ?? null,
    ...(overLimit !== null && { 'over the limit': overLimit }),
  };
}

export function isBroken(proof: Proof): boolean {
  const { audit, journal } = proof;
  if (audit?.ok === false || typeof journal?.fault === 'string') return true;
  return Object.values(laws(proof)).some((count) => count !== null && count > 0);
}

const LAPSE_AWAITED_MAX_SECONDS = 60;
const REPAIR_MAX_MS = 15_000;
const LOOK_AGAIN_MS = 500;
/** A sale's answer may be a second old, and on its way through a cache for another. */
const SALE_CACHED_MS = 1_100;

async function proveOnce(
  saleId: string,
  evidence: Evidence,
  window: ShopWindow,
  merchant: Merchant | undefined,
  lapsesSoon: boolean,
): Promise<Proof> {
  const sale = await freshSale(saleId, window);
  if (merchant === undefined) {
    const verdict = await judge(evidence, sale, ticketsOf(evidence, window), 'unseen');
    return { verdict, audit: undefined, journal: undefined, atRest: isAtRest(verdict, lapsesSoon) };
  }
  const verdict = await judge(evidence, sale, merchant.reservations(saleId), 'included');
  const audit = await merchant.audit(saleId);
  const lines = await merchant.journal(saleId);
  const stockOf = new Map(sale.items.map(({ sku, stock }) => [sku, stock]));
  const journal = lines === undefined ? undefined : await checkJournal(saleId, lines, stockOf);
  return { verdict, audit, journal, atRest: isAtRest(verdict, lapsesSoon) };
}

function isAtRest({ rows }: Verdict, lapsesSoon: boolean): boolean {
  const { queued = 0, held = 0 } = rows;
  return queued === 0 && (held === 0 || !lapsesSoon);
}

/** Read twice, a cache's lifetime apart, so that what counts is not older than the rows before it. */
async function freshSale(saleId: string, window: ShopWindow): Promise<SaleSeen> {
  await window.sale(saleId);
  await pause(SALE_CACHED_MS);
  return window.sale(saleId);
}

/** Without a console: what the edge says of every ticket that it acknowledged. */
async function* ticketsOf(evidence: Evidence, window: ShopWindow): AsyncGenerator<Row> {
  for (const ticketId of evidence.keys()) {
    const row = await window.ticket(ticketId);
    if (row !== undefined) yield row;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
