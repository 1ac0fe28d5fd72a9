import { type Job, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { closeSoon } from '../close-soon.ts';
import { prefixOf, webhookQueue, webhookShard } from '../queues.ts';
import { deliverExtra } from './deliver-extra.ts';
import { deliverStrand } from './deliver-strand.ts';
import type { WebhookParts } from './parts.ts';

export interface WebhookWorkerOptions extends WebhookParts {
  redisUrl: string;
  /** Strands that one process delivers on at a time. */
  concurrency?: number;
  onError?(error: Error): void;
}

export interface WebhookWorker {
  close(): Promise<void>;
}

/**
 * Answers the sweep's jobs. The queue spreads them over the workers and is trusted with nothing: who may deliver is
 * settled by a lease in the ledger, and what was delivered by its cursor.
 */
export function createWebhookWorker(options: WebhookWorkerOptions): WebhookWorker {
  const { redisUrl, concurrency = 32, onError = () => undefined } = options;
  const stopping = new AbortController();
  const connection = new Redis(redisUrl, {
    connectionName: 'holdfast-webhooks',
    disableClientInfo: true,
    maxRetriesPerRequest: null,
  });
  connection.on('error', onError);
  const worker = new Worker(webhookQueue, (job) => deliver(options, job, stopping.signal), {
    connection,
    prefix: prefixOf(webhookShard),
    concurrency,
    lockDuration: 10_000,
    stalledInterval: 5_000,
    // A job may be begun as often as it likes.
    maxStalledCount: 1_000_000,
    drainDelay: 5,
    metrics: { maxDataPoints: 60 },
  });
  worker.on('error', onError);
  worker.on('failed', (_, error) => onError(error));
  return {
    async close() {
      stopping.abort();
      await closeSoon(worker);
      connection.disconnect();
    },
  };
}

async function deliver(parts: WebhookParts, { data }: Job, stopping: AbortSignal): Promise<void> {
  const { endpointId, saleId, messageId } = data as Record<'endpointId' | 'saleId' | 'messageId', string>;
  if (messageId !== undefined) await deliverExtra(parts, { endpointId, messageId }, stopping);
  else await deliverStrand(parts, { endpointId, saleId }, stopping);
}
