import type { RefusalCode, RefusalCount } from '@holdfast/core';
import type { Redis } from 'ioredis';
import { keysOf } from './keys.ts';

/**
 * Refusals are facts that only count. Each edge counts in memory and adds to the gate once a second, per minute and
 * reason; a crash loses at most that second's refusals, which took nothing.
 */
export interface RefusalCounts {
  add(shard: string, saleId: string, reason: RefusalCode): void;
  /** Cumulative since the start, by reason, for metrics. */
  totals(): ReadonlyMap<RefusalCode, number>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const flushEveryMs = 1_000;
/** How long the gate keeps a sale's counts after the last one. */
const keepSeconds = 3_600;

export function createRefusalCounts(redis: Redis): RefusalCounts {
  const counts = new Map<string, { shard: string; reasons: Map<RefusalCode, number> }>();
  const totals = new Map<RefusalCode, number>();
  const timer = setInterval(() => void flush().catch(() => undefined), flushEveryMs);
  timer.unref();

  async function flush(): Promise<void> {
    if (counts.size === 0 || redis.status !== 'ready') return;
    const taken = [...counts];
    counts.clear();
    const minute = Math.floor(Date.now() / 60_000) * 60_000;
    const pipeline = redis.pipeline();
    for (const [saleId, { shard, reasons }] of taken) {
      const key = keysOf(shard, saleId).refusals;
      for (const [reason, count] of reasons) pipeline.hincrby(key, `${minute} ${reason}`, count);
      pipeline.expire(key, keepSeconds);
    }
    await pipeline.exec();
  }

  return {
    add(shard, saleId, reason) {
      totals.set(reason, (totals.get(reason) ?? 0) + 1);
      let counted = counts.get(saleId);
      if (counted === undefined) {
        counted = { shard, reasons: new Map() };
        counts.set(saleId, counted);
      }
      counted.reasons.set(reason, (counted.reasons.get(reason) ?? 0) + 1);
    },
    totals: () => totals,
    flush,
    async close() {
      clearInterval(timer);
      await flush().catch(() => undefined);
    },
  };
}

/** The counts as the gate keeps them. */
export function refusalsIn(fields: Record<string, string>): RefusalCount[] {
  return Object.entries(fields).map(([field, count]) => {
    const [minute, reason] = field.split(' ') as [string, RefusalCode];
    return { minute: Number(minute), reason, count: Number(count) };
  });
}
