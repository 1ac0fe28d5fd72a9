/** The console: the merchants' and operators' side of the house, behind its key. */
import { fileURLToPath } from 'node:url';
import { createWorkerGate, shardOf } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import { createCommitter, createDesk, createQueueView } from '@holdfast/pipeline';
import {
  closeHttpServer,
  configOrExit,
  createLifecycle,
  createLogger,
  createMetrics,
  onceASecond,
  openHttpServer,
} from '@holdfast/runtime';
import { createApp } from './app.ts';
import { readConsoleConfig } from './config.ts';
import { createConsoleMetrics } from './console-metrics.ts';
import { readPageFiles } from './page-files.ts';
import { createPulseWatch } from './pulse-watch.ts';
import { createQueueBoard } from './queue-board.ts';
import { createQueueWatch } from './queue-watch.ts';
import { createSaleWatch } from './sale-watch.ts';
import { createConsoleServer } from './server.ts';

const config = configOrExit(readConsoleConfig);
const log = createLogger('console', config.LOG_LEVEL);
const lifecycle = createLifecycle(log);
const stores = { redisUrl: config.REDIS_URL, shards: config.SHARDS };

const ledger = lifecycle.add(
  'ledger',
  createLedger({
    url: config.DATABASE_URL,
    region: config.REGION,
    applicationName: 'holdfast-console',
    onIdleError: onceASecond(log.warn.bind(log), 'the ledger broke an idle connection'),
  }),
  (started) => started.close(),
);
const gate = lifecycle.add(
  'gate',
  await createWorkerGate({
    ...stores,
    ticketRetentionSeconds: config.TICKET_RETENTION_SECONDS,
    onError: onceASecond(log.warn.bind(log), 'the gate is away'),
  }),
  (started) => started.close(),
);
const queueView = lifecycle.add(
  'queue view',
  await createQueueView({ ...stores, onError: onceASecond(log.warn.bind(log), 'the queues are away') }),
  (started) => started.close(),
);
const committer = createCommitter({
  ledger,
  gate,
  onCommit: (done) => gate.countRun(done.saleId, done),
  onRebuild: (saleId, why, outcome) => log.info({ saleId, why, outcome }, 'a gate was rebuilt'),
});
const desk = createDesk({
  ledger,
  gate,
  committer,
  log,
  secret: config.ADMIN_KEY,
  shardOf: (saleId) => shardOf(saleId, config.SHARDS),
});
const queues = createQueueWatch({ queueView, ledger, gate });
const pulses = createPulseWatch({ ledger, gate, log });
const app = createApp({
  ledger,
  gate,
  desk,
  queues,
  sales: createSaleWatch({ ledger, gate, log }),
  pulses,
  board: createQueueBoard(queueView),
  page: readPageFiles(fileURLToPath(new URL('../dist/', import.meta.url))),
  dependencies: { redis: () => gate.isBooted('0'), postgres: () => ledger.ping() },
  ...createConsoleMetrics(createMetrics(), queues),
  adminKey: config.ADMIN_KEY,
  stopping: lifecycle.stopping,
  slowRequestMs: config.SLOW_REQUEST_MS,
  log,
});
const server = lifecycle.add('server', createConsoleServer(app.fetch), (started) => closeHttpServer(started));

const port = await openHttpServer(server, config.CONSOLE_PORT, config.HOST);
void pulses.run(lifecycle.stopping);
log.info({ host: config.HOST, port }, 'the console is open');
