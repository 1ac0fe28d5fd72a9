import type { WebhookLedger, WebhookStanding } from '@holdfast/core';
import { connectProducer, openQueue, webhookQueue, webhookShard } from '../queues.ts';

export interface WebhookSweep {
  /** One pass: a job for every strand that is behind and every test and re-send that waits; answers with how many. */
  sweepOnce(): Promise<number>;
  close(): Promise<void>;
}

export interface WebhookSweepOptions {
  redisUrl: string;
  ledger: WebhookLedger;
  /** Mean time between two passes. */
  everyMs?: number;
  /** Told every now and then. */
  onStanding?(standing: WebhookStanding): void;
  onError?(error: Error): void;
}

/** Strands of one endpoint that are delivered on at a time. A receiver that is slow keeps no more of the workers than that. */
const strandsPerEndpoint = 4;
const jobsPerPass = 500;
/** How often the endpoints' standing is looked at, and the log is pruned, in passes. */
const standingPasses = 10;
const prunePasses = 600;
const prunedAtOnce = 1_000;

/**
 * Finds who has not got what the journal says. Nothing tells it: neither the commit run, which must not become slower, nor
 * Redis, which may have been emptied. A job is named after its strand, so that all workers together ring once.
 */
export async function createWebhookSweep(options: WebhookSweepOptions): Promise<WebhookSweep> {
  const { redisUrl, ledger, everyMs = 500, onStanding, onError = () => undefined } = options;
  const redis = await connectProducer(redisUrl, onError);
  const queue = openQueue(redis, webhookShard, webhookQueue);
  queue.on('error', onError);
  let passes = 0;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<unknown> = Promise.resolve();

  function schedule(): void {
    if (closed) return;
    timer = setTimeout(
      () => {
        pass = passOnce()
          .catch((error: unknown) => onError(error as Error))
          .finally(schedule);
      },
      everyMs * (0.75 + Math.random() / 2),
    );
  }

  async function passOnce(): Promise<void> {
    await sweepOnce();
    if (passes % standingPasses === 0) onStanding?.(await ledger.standing());
    if (passes % prunePasses === 0) await ledger.prune(prunedAtOnce);
    passes += 1;
  }

  async function sweepOnce(): Promise<number> {
    const [strands, extras] = await Promise.all([
      ledger.behind(strandsPerEndpoint, jobsPerPass),
      ledger.extras(jobsPerPass),
    ]);
    const jobs = [
      ...strands.map((strand) => ({ data: strand, jobId: `strand-${strand.endpointId}-${strand.saleId}` })),
      ...extras.map((extra) => ({ data: extra, jobId: `extra-${extra.endpointId}-${extra.messageId}` })),
    ];
    if (jobs.length > 0)
      await queue.addBulk(jobs.map(({ data, jobId }) => ({ name: 'deliver', data, opts: { jobId } })));
    return jobs.length;
  }

  schedule();
  return {
    sweepOnce,
    async close() {
      closed = true;
      clearTimeout(timer);
      await pass;
      await queue.close().catch(onError);
      redis.disconnect();
    },
  };
}
