import type { Bell } from '@holdfast/core';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

/** The queue of a shard's commit jobs. Its keys carry the same hash tag as the gate's. */
export const commitQueue = 'commit';

/** The queue of webhooks; one for all, in the first shard, since an endpoint belongs to none. */
export const webhookQueue = 'webhooks';
export const webhookShard = '0';

export function prefixOf(shard: string): string {
  return `{s${shard}}`;
}

/** How long Redis may take to answer at the start. */
const readyWithinMs = 10_000;

/**
 * A connection for adding jobs: fails at once while Redis is away and never sends again by itself. A lost job is made
 * good by the sweep, so nothing is gained by waiting. A queue asks the server for its version when it is made, and is
 * of no use for ever when that fails: so this waits until the connection is ready, and throws when it is not in time.
 */
export async function connectProducer(redisUrl: string, onError: (error: Error) => void): Promise<Redis> {
  const redis = new Redis(redisUrl, {
    connectionName: 'holdfast-producer',
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(20 * 2 ** Math.min(times, 5), 500),
  });
  redis.on('error', onError);
  await whenReady(redis);
  return redis;
}

async function whenReady(redis: Redis): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => {
      redis.disconnect();
      reject(new Error(`Redis did not answer within ${readyWithinMs} ms`));
    }, readyWithinMs);
    redis.once('ready', () => {
      clearTimeout(late);
      resolve();
    });
  });
}

export function openQueue(redis: Redis, shard: string, name = commitQueue): Queue {
  return new Queue(name, {
    connection: redis,
    prefix: prefixOf(shard),
    skipWaitingForReady: true,
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
}

/** At most one job of a sale is under way and one waits: more bells would only make runs that find nothing to do. */
export function addBell(queue: Queue, bell: Bell): Promise<unknown> {
  return queue.add('commit', bell, {
    jobId: `${bell.saleId}-${bell.epoch}-${bell.fromSeq}-${bell.toSeq}`,
    deduplication: { id: bell.saleId, keepLastIfActive: true },
  });
}

/** A hint for the time when holds lapse; one per sale and second is enough, whatever it is that lapses then. */
export function addWake(queue: Queue, saleId: string, at: number, now: number): Promise<unknown> {
  const second = Math.ceil((at + 1) / 1000);
  const bell = { saleId, wake: second };
  return queue.add('wake', bell, {
    jobId: `wake-${saleId}-${second}`,
    delay: Math.max(0, second * 1000 - now),
  });
}
