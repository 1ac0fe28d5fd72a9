import type { GatePulse } from '@holdfast/core';
import type { Redis } from 'ioredis';
import type { SaleKeys } from './keys.ts';
import { refusalsIn } from './refusal-counts.ts';

type Reply = [error: Error | null, value: unknown];
type Entry = [id: string, fields: [string, string, string, string]];

/** Four reads a sale: the look of somebody who wants to know how it goes, not the comparison of an audit. */
const readsPerSale = 4;
/** Where the gate's time stands in a packed entry. */
const timeOfEntry = 9;

/** Counters of many sales in one trip; throws the first error. */
export async function pulse(
  redis: Redis,
  sales: readonly { saleId: string; afterSeq: number }[],
  keysFor: (saleId: string) => SaleKeys,
): Promise<Map<string, GatePulse>> {
  if (sales.length === 0) return new Map();
  const pipeline = redis.pipeline().time();
  for (const { saleId, afterSeq } of sales) {
    const keys = keysFor(saleId);
    pipeline.hgetall(keys.sale).xrange(keys.intake, `(${afterSeq}-0`, '+', 'COUNT', 1);
    pipeline.hgetall(keys.refusals).hgetall(keys.runs);
  }
  const [time, ...values] = ((await pipeline.exec()) as Reply[]).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
  const [seconds, micros] = time as [string | number, string | number];
  const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  const seen = new Map<string, GatePulse>();
  for (const [index, { saleId }] of sales.entries()) {
    const [sale, entries, refusals, runs] = values.slice(index * readsPerSale, (index + 1) * readsPerSale);
    const found = pulseOf(sale as Fields, entries as Entry[], refusals as Fields, runs as Fields, now);
    if (found !== null) seen.set(saleId, found);
  }
  return seen;
}

type Fields = Record<string, string>;

function pulseOf(
  sale: Fields,
  entries: Entry[],
  refusals: Fields,
  runs: Fields,
  now: number,
): GatePulse | null {
  if (sale['epoch'] === undefined) return null;
  const first = entries[0]?.[1][1];
  return {
    epoch: Number(sale['epoch']),
    seq: Number(sale['seq'] ?? 0),
    lined: Number(sale['lined'] ?? 0),
    available: availableIn(sale),
    rebuilding: sale['rebuilding'] !== undefined,
    oldestAt: first === undefined ? null : Number(first.split('\n')[timeOfEntry]),
    now: Math.max(now, Number(sale['time'] ?? 0)),
    refusals: refusalsIn(refusals),
    runs: {
      transactions: Number(runs['transactions'] ?? 0),
      entries: Number(runs['entries'] ?? 0),
      milliseconds: Number(runs['micros'] ?? 0) / 1_000,
    },
  };
}

function availableIn(sale: Fields): number {
  let units = 0;
  for (const [name, ceiling] of Object.entries(sale)) {
    if (!name.startsWith('ceiling:')) continue;
    const admitted = Number(sale[`admitted:${name.slice('ceiling:'.length)}`] ?? 0);
    units += Math.max(0, Number(ceiling) - admitted);
  }
  return units;
}
