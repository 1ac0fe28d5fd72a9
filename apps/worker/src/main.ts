/**
 * A worker: answers bells with commit runs, and sweeps for what no bell rang for; and it tells the journal to whoever
 * wants to hear it. Reservations are written by nothing but a commit run.
 */
import type { RebuildOutcome } from '@holdfast/core';
import { eventKindsOf, webhookMessage, webhookTestMessage } from '@holdfast/contracts';
import { createWorkerGate } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import {
  createCommitter,
  createCommitWorker,
  createQuarantine,
  createRecounts,
  createRepairWatch,
  createSweep,
  createWebhookSweep,
  createWebhookWorker,
  type Repair,
} from '@holdfast/pipeline';
import {
  configOrExit,
  createLifecycle,
  createLogger,
  createMetrics,
  onceASecond,
  startHealthServer,
} from '@holdfast/runtime';
import { createWebhookSender } from '@holdfast/webhooks';
import { createCommitMetrics } from './commit-metrics.ts';
import { readWorkerConfig } from './config.ts';
import { createWebhookMetrics } from './webhook-metrics.ts';

const config = configOrExit(readWorkerConfig);
const log = createLogger('worker', config.LOG_LEVEL);
const lifecycle = createLifecycle(log);
const metrics = createMetrics();
const commits = createCommitMetrics(metrics);
const webhooks = createWebhookMetrics(metrics, log);
const redis = { redisUrl: config.REDIS_URL, shards: config.SHARDS };

const ledger = lifecycle.add(
  'ledger',
  createLedger({
    url: config.DATABASE_URL,
    region: config.REGION,
    applicationName: 'holdfast-worker',
    onIdleError: onceASecond(log.warn.bind(log), 'the ledger broke an idle connection'),
  }),
  (started) => started.close(),
);
const gate = lifecycle.add(
  'gate',
  await createWorkerGate({
    ...redis,
    ticketRetentionSeconds: config.TICKET_RETENTION_SECONDS,
    onError: onceASecond(log.warn.bind(log), 'the gate is away'),
  }),
  (started) => started.close(),
);
const onRebuild = (saleId: string, why: string, outcome: RebuildOutcome) => {
  commits.rebuilt(outcome);
  log.warn({ saleId, why, outcome }, 'a gate was rebuilt');
};
const onRepair = (repair: Repair) => {
  commits.mended(repair);
  log.error(repair, 'units of a sale did not agree, and were mended');
};
const committer = createCommitter({
  ledger,
  gate,
  onCommit: (done) => {
    commits.committed(done);
    gate.countRun(done.saleId, done);
  },
  onRetry: commits.retried,
  onRebuild,
  repairs: createRepairWatch(ledger),
  onRepair,
  quarantine: createQuarantine(),
  onPoison: (poison) => {
    commits.failed(poison);
    log.error(poison, 'an entry cannot be committed');
  },
  onQuarantine: (entry) => {
    commits.quarantined(entry);
    log.error(entry, 'an entry was taken out of the line');
  },
  retryBudget: config.COMMIT_RETRIES,
});
lifecycle.add(
  'commit worker',
  await createCommitWorker({
    ...redis,
    committer,
    concurrency: config.COMMIT_CONCURRENCY,
    onFailed: (saleId, err) => {
      commits.jobFailed();
      log.error({ saleId, err }, 'a run failed; what it rang for still stands in the intake');
    },
    onError: onceASecond(log.warn.bind(log), 'the queue is away'),
  }),
  (started) => started.close(),
);
lifecycle.add(
  'sweep',
  createSweep(
    { ledger, gate, committer, onRebuild, recounts: createRecounts({ ledger, committer, onRepair }) },
    {
      shards: config.SHARDS,
      onError: onceASecond(log.error.bind(log), 'the sweep could not finish its pass'),
    },
  ),
  (started) => started.close(),
);
// Connections of its own, and few: however much there is to deliver, no commit run waits for it.
const outbox = lifecycle.add(
  'outbox',
  createLedger({
    url: config.DATABASE_URL,
    region: config.REGION,
    maxConnections: 3,
    applicationName: 'holdfast-webhooks',
    onIdleError: onceASecond(log.warn.bind(log), 'the ledger broke an idle connection'),
  }),
  (started) => started.close(),
);
const sender = lifecycle.add(
  'webhook sender',
  createWebhookSender({ allowed: config.WEBHOOK_PRIVATE_RANGES }),
  (started) => started.close(),
);
lifecycle.add(
  'webhook worker',
  createWebhookWorker({
    redisUrl: config.REDIS_URL,
    ledger: outbox.webhooks,
    sender,
    messages: { kindsOf: eventKindsOf, ofEvent: webhookMessage, ofTest: webhookTestMessage },
    onAttempt: webhooks.attempted,
    onError: onceASecond(log.warn.bind(log), 'a webhook could not be worked on'),
  }),
  (started) => started.close(),
);
lifecycle.add(
  'webhook sweep',
  await createWebhookSweep({
    redisUrl: config.REDIS_URL,
    ledger: outbox.webhooks,
    onStanding: webhooks.standing,
    onError: onceASecond(log.warn.bind(log), 'the webhooks could not be looked at'),
  }),
  (started) => started.close(),
);
const health = lifecycle.add(
  'health',
  await startHealthServer({
    host: config.HOST,
    port: config.WORKER_PORT,
    dependencies: { redis: () => gate.isBooted('0'), postgres: () => ledger.ping() },
    metrics,
  }),
  (server) => server.close(),
);
for (const weakness of await gate.weakDurability().catch(() => [])) log.warn({}, weakness);
log.info({ address: health.address() }, 'worker is ready');
