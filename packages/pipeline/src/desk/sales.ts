import {
  hasToEnd,
  type ExtensionRule,
  type Item,
  type LedgerSale,
  moveSale,
  type NewEvent,
  nextMove,
  refuse,
  isLobbyOver,
  type Sale,
  type SaleChallenge,
  type SaleVerb,
  unitsOfBuyers,
} from '@holdfast/core';
import {
  type DeskAnswer,
  type DeskParts,
  type DeskRequest,
  gateTime,
  happened,
  secretFor,
  timeOf,
} from './parts.ts';
import { effective, repeated, step } from './step.ts';

/** A sale as it is asked for. Times are epoch milliseconds. */
export interface NewSale {
  /** Null lets the desk make one. */
  id: string | null;
  name: string;
  status: 'draft' | 'open';
  opensAt: number | null;
  closesAt: number | null;
  holdSeconds: number;
  perBuyerLimit: number | null;
  currency: string;
  waitlist: boolean;
  extension: ExtensionRule;
  challenge?: SaleChallenge | null;
  items: (Item & { stock: number })[];
}

/** What may be changed of a sale that exists; absent fields stay as they are. */
export type SaleTerms = Partial<
  Pick<
    Sale,
    'name' | 'opensAt' | 'closesAt' | 'holdSeconds' | 'perBuyerLimit' | 'waitlist' | 'extension' | 'challenge'
  >
>;

export type DeskVerb = Exclude<SaleVerb, 'openLobby'>;

/** Most units that an item may have in stock: far below what every store counts exactly. */
export const maxStock = 1_000_000_000;

/** The first event of a sale's journal. It names the stock, so that the journal alone proves what was for sale. */
export function saleCreated(sale: Sale, stock: ReadonlyMap<string, number>): NewEvent {
  return happened('sale_created', { terms: termsOf(sale, stock) }, sale.createdAt);
}

export async function create(
  parts: DeskParts,
  asked: NewSale,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const { ledger } = parts;
  const at = timeOf(parts);
  const id = asked.id ?? saleIdFor(parts, request);
  const items = asked.items.map(
    ({ sku, name, description, imageUrl, priceMinor }): Item => ({
      sku,
      name,
      description,
      imageUrl,
      priceMinor,
    }),
  );
  const sale: Sale = { ...asked, id, items, shard: parts.shardOf(id), createdAt: at, termsVersion: 1 };
  const stock = new Map(asked.items.map((item) => [item.sku, item.stock]));
  const event = saleCreated(sale, stock);
  if (await ledger.createSale(sale, stock, event, request)) return effective(parts, id, 'done');
  const before = request === null ? null : await ledger.readRequest(request.key);
  return before === null ? refuse('already_exists') : repeated(parts, id, before, request);
}

export function changeTerms(
  parts: DeskParts,
  saleId: string,
  terms: SaleTerms,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  return step(parts, saleId, request, ({ sale }) => {
    if (sale.status === 'settled' || sale.status === 'cancelled') return refuse('invalid_transition');
    // The list of a lobby that is over must stay what it is.
    const isOver = sale.draw !== undefined && isLobbyOver(sale, timeOf(parts));
    if (isOver && terms.opensAt !== undefined) return refuse('invalid_transition');
    const changed = { ...sale, ...terms };
    if (changed.opensAt !== null && changed.closesAt !== null && changed.opensAt >= changed.closesAt)
      return refuse('invalid_body');
    // Without its time a scheduled sale would stand open.
    if (sale.status === 'scheduled' && changed.opensAt === null) return refuse('invalid_body');
    return { sale: changed, event: happened('sale_changed', { terms: { ...terms } }, timeOf(parts)) };
  });
}

export async function move(
  parts: DeskParts,
  saleId: string,
  verb: DeskVerb,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  // The gate judges by its own clock, which may be behind this process's.
  const gateNow = await gateTime(parts, saleId);
  await catchUp(parts, saleId, gateNow);
  return step(parts, saleId, request, async (read) => {
    const { sale } = read;
    const status = moveSale(sale.status, verb);
    if (status === null || (verb === 'open' && sale.status === 'lobby')) return refuse('invalid_transition');
    if (verb === 'schedule' && sale.opensAt === null) return refuse('invalid_transition');
    if (verb === 'settle' && (await isUnsettled(parts, read))) return refuse('invalid_transition');
    const at = timeOf(parts);
    const terms = verb === 'open' ? openNow(sale, Math.min(at, gateNow)) : {};
    const data: NewEvent['data'] = Object.keys(terms).length === 0 ? { status } : { status, terms };
    return { sale: { ...sale, ...terms, status }, event: happened('sale_moved', data, at) };
  });
}

/** Somebody still waits for an answer or has a hold; a run that changes that meanwhile makes the step begin again. */
async function isUnsettled(
  { ledger }: DeskParts,
  { sale, items, withdrawn, waiting }: LedgerSale,
): Promise<boolean> {
  const units = unitsOfBuyers(items, withdrawn);
  return (
    waiting > 0 || hasToEnd(sale.status, waiting, units) || (await ledger.nextDeadline(sale.id)) !== null
  );
}

/** The gate opens and closes by its times alone; whoever pauses a sale in that very second must not be told that it is scheduled. */
async function catchUp({ ledger, committer }: DeskParts, saleId: string, gateNow: number): Promise<void> {
  const read = await ledger.readSale(saleId);
  const due = read === null ? null : nextMove(read.sale);
  if (due !== null && due.at <= gateNow) await committer.commitSale(saleId);
}

/** Who presses open means now: a later opening time is brought forward, and a closing time that is over is dropped. */
export function openNow(sale: Sale, at: number): { opensAt?: number; closesAt?: null } {
  return {
    ...(sale.opensAt !== null && sale.opensAt > at && { opensAt: at }),
    ...(sale.closesAt !== null && sale.closesAt <= at && { closesAt: null }),
  };
}

export function restock(
  parts: DeskParts,
  saleId: string,
  sku: string,
  quantity: number,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  return step(parts, saleId, request, ({ sale, items }) => {
    if (sale.status === 'settled' || sale.status === 'cancelled') return refuse('invalid_transition');
    const counters = items.get(sku);
    if (counters === undefined) return refuse('unknown_item');
    if (counters.stock + quantity > maxStock) return refuse('invalid_quantity');
    const event = happened('restocked', { sku, delta: quantity }, timeOf(parts));
    return { sale, event, restocked: new Map([[sku, quantity]]) };
  });
}

function termsOf(sale: Sale, stock: ReadonlyMap<string, number>): Record<string, unknown> {
  const { name, status, opensAt, closesAt, holdSeconds, perBuyerLimit, currency, waitlist, extension } = sale;
  const items = sale.items.map(({ sku, priceMinor }) => ({ sku, priceMinor, stock: stock.get(sku) ?? 0 }));
  return {
    name,
    status,
    opensAt,
    closesAt,
    holdSeconds,
    perBuyerLimit,
    currency,
    waitlist,
    extension,
    ...(sale.challenge != null && { challenge: sale.challenge }),
    items,
  };
}

function saleIdFor(parts: DeskParts, request: DeskRequest | null): string {
  return `sale-${secretFor(parts, request, 10).toLowerCase()}`;
}
