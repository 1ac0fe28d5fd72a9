import { type Refusal, refuse, type SaleStatus, type SaleView } from '@holdfast/core';
import { keysOf } from './keys.ts';
import type { RunScript } from './scripts.ts';
import { documentOf, hashFields, numberOf } from './terms.ts';

/** A sale as one edge last saw it: what a request is prepared with. The gate refuses what was prepared with older terms. */
export interface KnownSale {
  shard: string;
  epoch: string;
  terms: string;
  limit: number | null;
  prices: Map<string, number>;
  /** The ledger's cursor, as the gate last heard of it. */
  cursor: number;
  /** When its gate was rebuilt, and until when it knows every ticket that the ledger has; null for a gate that never was. */
  rebuilt: { at: number; tellsUntil: number } | null;
  /** Entries that wait for the ledger. */
  waiting: number;
  view: SaleView;
}

/** Reads one sale; throws when Redis does not answer. */
export async function readSale(run: RunScript, shard: string, saleId: string): Promise<KnownSale | Refusal> {
  const keys = keysOf(shard, saleId);
  const answer = await run('read-sale', [keys.boot, keys.sale], []);
  if (answer === 'closed') return refuse('gate_unavailable', { retryAfterSeconds: 1 });
  if (answer === 'unknown_sale') return refuse('unknown_sale');
  const [now, ...flat] = answer as string[];
  return saleOf(shard, saleId, Number(now), hashFields(flat));
}

function saleOf(shard: string, saleId: string, now: number, fields: Record<string, string>): KnownSale {
  const document = documentOf(fields['doc'] ?? '{"items":[]}');
  const items = document.items.map((item) => ({
    ...item,
    available: Math.max(
      0,
      Number(fields[`ceiling:${item.sku}`] ?? 0) - Number(fields[`admitted:${item.sku}`] ?? 0),
    ),
    stock: Number(fields[`stock:${item.sku}`] ?? 0),
  }));
  const limit = numberOf(fields['limit']);
  const [count = '0', head = ''] = (fields['head'] ?? '').split(' ');
  return {
    shard,
    epoch: fields['epoch'] ?? '',
    terms: fields['terms'] ?? '',
    limit,
    prices: new Map(document.items.map((item) => [item.sku, item.priceMinor])),
    cursor: Number(fields['cursor'] ?? 0),
    rebuilt:
      fields['rebuiltAt'] === undefined
        ? null
        : { at: Number(fields['rebuiltAt']), tellsUntil: Number(fields['tellsUntil'] ?? 0) },
    waiting: Math.max(0, Number(fields['seq'] ?? 0) - Number(fields['cursor'] ?? 0)),
    view: {
      id: saleId,
      name: document.name,
      status: shownStatus(fields),
      opensAt: numberOf(fields['opensAt']),
      closesAt: numberOf(fields['closesAt']),
      holdSeconds: document.holdSeconds,
      perBuyerLimit: limit,
      currency: fields['currency'] ?? '',
      waitlist: fields['waitlist'] === '1',
      items,
      challenge: document.challenge ?? null,
      draw: document.draw ?? null,
      journal: { count: Number(count), head },
      soldOut: items.every((item) => item.available === 0),
      now,
    },
  };
}

/** Open for newcomers once every member of the lobby has its place in line. */
function shownStatus(fields: Record<string, string>): SaleStatus {
  const status = fields['status'] as SaleStatus;
  return status === 'open' && isPlacing(fields['members'], fields['placed']) ? 'lobby' : status;
}

/** Whether members of a lobby wait for their place in line. */
export function isPlacing(members: string | null | undefined, placed: string | null | undefined): boolean {
  return members !== null && members !== undefined && members !== (placed ?? '0');
}
