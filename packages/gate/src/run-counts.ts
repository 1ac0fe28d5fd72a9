import type { WorkerGate } from '@holdfast/core';
import type { Redis } from 'ioredis';

/**
 * Commit runs are counted where they run, in several processes, and looked at in another. Each adds what it counted to
 * the gate once a second; a crash loses at most that second's, which nothing but a chart is made of.
 */
export interface RunCounter {
  add: WorkerGate['countRun'];
  close(): Promise<void>;
}

const flushEveryMs = 1_000;
/** How long the gate keeps a sale's counts after the last run. */
const keepSeconds = 3_600;

export function createRunCounts(redis: Redis, keyOf: (saleId: string) => string): RunCounter {
  const counts = new Map<string, { transactions: number; entries: number; micros: number }>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    if (counts.size === 0 || redis.status !== 'ready') return;
    const taken = [...counts];
    counts.clear();
    const pipeline = redis.pipeline();
    for (const [saleId, fields] of taken) {
      const key = keyOf(saleId);
      for (const [field, count] of Object.entries(fields)) pipeline.hincrby(key, field, count);
      pipeline.expire(key, keepSeconds);
    }
    await pipeline.exec();
  }

  return {
    add(saleId, { entries, durationMs }) {
      // Most who open a gate never run anything.
      timer ??= setInterval(() => void flush().catch(() => undefined), flushEveryMs).unref();
      const counted = counts.get(saleId) ?? { transactions: 0, entries: 0, micros: 0 };
      counts.set(saleId, {
        transactions: counted.transactions + 1,
        entries: counted.entries + entries,
        micros: counted.micros + Math.round(durationMs * 1_000),
      });
    },
    async close() {
      clearInterval(timer);
      await flush().catch(() => undefined);
    },
  };
}
