import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';
import { connectProducer, openQueue, webhookQueue, webhookShard } from './queues.ts';
import { allShards } from './shards.ts';

export interface QueueCounts {
  name: string;
  shard: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  /** Jobs completed per second over the last full minute. */
  completedPerSecond: number;
}

export interface SeenWorker {
  id: string;
  address: string;
  ageSeconds: number;
}

/** The queues as an operator sees them. */
export interface QueueView {
  counts(): Promise<QueueCounts[]>;
  /** Worker processes that are connected now. */
  workers(): Promise<SeenWorker[]>;
  /** The queues for a board that shows them and changes nothing. */
  boardQueues(): BullMQAdapter[];
  close(): Promise<void>;
}

export interface QueueViewOptions {
  redisUrl: string;
  shards?: number;
  onError?(error: Error): void;
}

export async function createQueueView(options: QueueViewOptions): Promise<QueueView> {
  const { redisUrl, shards = 1, onError = () => undefined } = options;
  const redis = await connectProducer(redisUrl, onError);
  const commits = allShards(shards).map((shard) => ({ shard, queue: openQueue(redis, shard) }));
  const webhooks = { shard: webhookShard, queue: openQueue(redis, webhookShard, webhookQueue) };
  const queues = [...commits, webhooks];
  for (const { queue } of queues) queue.on('error', onError);
  return {
    counts: () => Promise.all(queues.map(({ shard, queue }) => countsOf(shard, queue))),
    async workers() {
      const seen = new Map<string, SeenWorker>();
      for (const { queue } of commits) {
        for (const { id, addr, age } of (await queue.getWorkers()) as unknown as ListedClient[])
          seen.set(id, { id, address: addr, ageSeconds: Number(age) });
      }
      return [...seen.values()];
    },
    boardQueues: () =>
      queues.map(({ shard, queue }) => {
        const prefix = shards > 1 ? `shard ${shard}: ` : '';
        return new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false, prefix });
      }),
    async close() {
      await Promise.allSettled(queues.map(({ queue }) => queue.close()));
      redis.disconnect();
    },
  };
}

/** A line of Redis' CLIENT LIST, as far as it is shown. */
interface ListedClient {
  id: string;
  addr: string;
  age: string;
}

const states = ['waiting', 'active', 'delayed', 'failed'] as const;

async function countsOf(shard: string, queue: Queue): Promise<QueueCounts> {
  const counts = (await queue.getJobCounts(...states)) as Record<(typeof states)[number], number>;
  const metrics = await queue.getMetrics('completed', 0, 0);
  return { name: queue.name, shard, ...counts, completedPerSecond: (metrics.data[0] ?? 0) / 60 };
}
