import type { Evidence } from './evidence.ts';
import type { Row } from './merchant.ts';
import { type Acknowledged, countOutOfOrder } from './order.ts';
import type { SaleSeen } from './shop-window.ts';

export interface Verdict {
  /** Units held and confirmed beyond the stock, in rows. */
  oversold: number;
  /** Units that are in no row and that nobody can buy; null when rows of other crowds cannot be seen. */
  leaked: number | null;
  /** Units offered by the gate although rows have them, or although there never were that many; null as above. */
  offeredTwice: number | null;
  /** Acknowledged tickets that are in no row, and tickets confirmed to a buyer whose row says otherwise. */
  lost: number;
  /** Pairs of tickets where the one that was answered before the other was asked for stands behind it. */
  outOfOrder: number;
  /** Tickets with two rows. */
  doubled: number;
  /** Buyers with more units than the sale allows one; null for a sale without a limit. */
  overLimit: number | null;
  units: { sku: string; stock: number; held: number; confirmed: number; available: number }[];
  rows: Record<string, number>;
  /** Rows of tickets that the crowd never heard of: lost answers, or other people's. */
  unheard: number;
}

/**
 * Holds what buyers were told against what is in the rows. Shares nothing with the code it judges: no table, key,
 * schema or counter of it, only what came over HTTP. `others`: the rows are the crowd's only, not all of the sale's.
 */
export async function judge(
  evidence: Evidence,
  sale: SaleSeen,
  rows: AsyncIterable<Row> | Iterable<Row>,
  others: 'included' | 'unseen',
): Promise<Verdict> {
  const units = sale.items.map(({ sku, stock, available }) => ({
    sku,
    stock,
    held: 0,
    confirmed: 0,
    available,
  }));
  const unitsOf = new Map(units.map((item) => [item.sku, item]));
  const counts: Record<string, number> = {};
  const found = new Set<string>();
  const places: Acknowledged[] = [];
  const unitsOfBuyer = new Map<string, number>();
  let broken = 0;
  let unheard = 0;
  let doubled = 0;

  for await (const row of rows) {
    // The house's rows are withdrawals; the stock is shown without them.
    if (row.buyerId === '') continue;
    if (found.has(row.ticketId)) doubled += 1;
    found.add(row.ticketId);
    counts[row.status] = (counts[row.status] ?? 0) + 1;
    for (const { sku, quantity } of row.lines) {
      const item = unitsOf.get(sku);
      if (item !== undefined && (row.status === 'held' || row.status === 'confirmed'))
        item[row.status] += quantity;
    }
    if (COUNTS.has(row.status)) {
      const quantity = row.lines.reduce((sum, line) => sum + line.quantity, 0);
      unitsOfBuyer.set(row.buyerId, (unitsOfBuyer.get(row.buyerId) ?? 0) + quantity);
    }
    const promised = evidence.get(row.ticketId);
    if (promised === undefined) {
      unheard += 1;
      continue;
    }
    if (promised.confirmed && !STILL_PAID.has(row.status)) broken += 1;
    const epoch = row.epoch >= 0 ? row.epoch : promised.epoch;
    const seq = row.seq >= 0 ? row.seq : promised.seq;
    places.push({ ...promised, place: epoch * SEQS_PER_EPOCH + seq });
  }

  let missing = 0;
  for (const ticketId of evidence.keys()) if (!found.has(ticketId)) missing += 1;
  const limit = sale.perBuyerLimit ?? null;
  const over = (count: (item: (typeof units)[number]) => number) =>
    units.reduce((sum, item) => sum + Math.max(0, count(item)), 0);
  const nowhere = (item: (typeof units)[number]) => item.stock - item.held - item.confirmed - item.available;
  return {
    oversold: over((item) => item.held + item.confirmed - item.stock),
    leaked: others === 'included' ? over(nowhere) : null,
    offeredTwice: others === 'included' ? over((item) => -nowhere(item)) : null,
    lost: missing + broken,
    outOfOrder: countOutOfOrder(places),
    doubled,
    overLimit: limit === null ? null : [...unitsOfBuyer.values()].filter((count) => count > limit).length,
    units,
    rows: counts,
    unheard,
  };
}

/** What a confirmed ticket may have become since. */
const STILL_PAID = new Set(['confirmed', 'returned', 'refund_due', 'refunded']);
/** What counts against a buyer's limit. */
const COUNTS = new Set(['queued', 'waitlisted', 'held', 'confirmed']);
const SEQS_PER_EPOCH = 2 ** 40;
