import { type Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { closeSoon } from './close-soon.ts';
import type { Committer } from './committer.ts';
import { addWake, commitQueue, connectProducer, openQueue, prefixOf } from './queues.ts';
import { allShards } from './shards.ts';

export interface CommitWorkerOptions {
  redisUrl: string;
  shards?: number;
  committer: Committer;
  /** Sales that one process commits at a time. */
  concurrency?: number;
  onError?(error: Error): void;
  /** Called when a bell's job has failed for good: what it rang for still stands in the intake, for the sweep. */
  onFailed?(saleId: string | null, error: Error): void;
}

export interface CommitWorker {
  close(): Promise<void>;
}

/**
 * Answers bells. The queue's own lock is short, so that a bell of a killed worker rings again after some three seconds;
 * the sweep is quicker, and neither is needed for safety.
 */
export async function createCommitWorker(options: CommitWorkerOptions): Promise<CommitWorker> {
  const { redisUrl, shards = 1, committer, concurrency = 8, onError = () => undefined } = options;
  const producer = await connectProducer(redisUrl, onError);
  const connection = new Redis(redisUrl, {
    connectionName: 'holdfast-commit',
    disableClientInfo: true,
    maxRetriesPerRequest: null,
  });
  connection.on('error', onError);
  const workers = allShards(shards).map((shard) => {
    const queue = openQueue(producer, shard);
    queue.on('error', onError);
    const worker = new Worker(
      commitQueue,
      (job) => commit(committer, queue, job.data.saleId as string, onError),
      {
        connection,
        prefix: prefixOf(shard),
        concurrency,
        lockDuration: 3_000,
        stalledInterval: 1_000,
        // A bell may ring as often as it likes.
        maxStalledCount: 1_000_000,
        drainDelay: 5,
        metrics: { maxDataPoints: 60 },
      },
    );
    worker.on('error', onError);
    worker.on('failed', (job, error) =>
      options.onFailed?.((job?.data.saleId as string | undefined) ?? null, error),
    );
    return { queue, worker };
  });
  return {
    async close() {
      await Promise.allSettled(workers.map(({ worker }) => closeSoon(worker)));
      await Promise.allSettled(workers.map(({ queue }) => queue.close()));
      connection.disconnect();
      producer.disconnect();
    },
  };
}

async function commit(
  committer: Committer,
  queue: Queue,
  saleId: string,
  onError: (error: Error) => void,
): Promise<void> {
  const report = await committer.commitSale(saleId);
  if (report.lapse !== null) await addWake(queue, saleId, report.lapse.at, report.lapse.now).catch(onError);
}
