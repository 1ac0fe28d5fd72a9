import type { Bell } from '@holdfast/core';
import type { Queue } from 'bullmq';
import { allShards } from './shards.ts';
import { addBell, connectProducer, openQueue } from './queues.ts';

export interface BellRinger {
  /** Never throws and never waits: what is not rung is found by the sweep. */
  ring(bell: Bell): void;
  close(): Promise<void>;
}

export interface BellRingerOptions {
  redisUrl: string;
  shards?: number;
  onError?(error: Error): void;
}

/** Rings for an edge: one job under way per sale; what is admitted meanwhile is rung together with the next. */
export async function createBellRinger(options: BellRingerOptions): Promise<BellRinger> {
  const { redisUrl, shards = 1, onError = () => undefined } = options;
  const redis = await connectProducer(redisUrl, onError);
  const queues = new Map<string, Queue>(allShards(shards).map((shard) => [shard, openQueue(redis, shard)]));
  for (const queue of queues.values()) queue.on('error', onError);
  const ringing = new Set<string>();
  const pending = new Map<string, Bell>();

  async function send(bell: Bell): Promise<void> {
    ringing.add(bell.saleId);
    try {
      const queue = queues.get(bell.shard);
      if (queue !== undefined) await addBell(queue, bell);
    } catch (error) {
      onError(error as Error);
    } finally {
      ringing.delete(bell.saleId);
      const next = pending.get(bell.saleId);
      pending.delete(bell.saleId);
      if (next !== undefined) void send(next);
    }
  }

  return {
    ring(bell) {
      if (!ringing.has(bell.saleId)) {
        void send(bell);
        return;
      }
      const waiting = pending.get(bell.saleId);
      if (waiting === undefined || waiting.epoch !== bell.epoch) pending.set(bell.saleId, bell);
      else {
        const fromSeq = Math.min(waiting.fromSeq, bell.fromSeq);
        pending.set(bell.saleId, { ...waiting, fromSeq, toSeq: Math.max(waiting.toSeq, bell.toSeq) });
      }
    },
    async close() {
      pending.clear();
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      redis.disconnect();
    },
  };
}
