import { createEdgeGate, createRateLimiter, type RateLimit } from '@holdfast/gate';
import { createPaymentProvider } from '@holdfast/payments';
import { createBellRinger } from '@holdfast/pipeline';
import {
  configOrExit,
  createLifecycle,
  createLogger,
  createMetrics,
  onceASecond,
  openHttpServer,
} from '@holdfast/runtime';
import { createDoors } from './doors.ts';
import { createEdgeApp } from './app.ts';
import { createBuyerTokens } from './buyer-tokens.ts';
import { createProofOfWork } from './proof-of-work.ts';
import { providerChoice, readEdgeConfig, tokenSettings } from './config.ts';
import { createRateLimits } from './rate-limits.ts';
import { readSite } from './site.ts';
import { closeServer, createEdgeServer } from './server.ts';

const config = configOrExit(readEdgeConfig);
const log = createLogger('edge', config.LOG_LEVEL);
const lifecycle = createLifecycle(log);
const stores = { redisUrl: config.REDIS_URL, shards: config.SHARDS };

const bells = lifecycle.add(
  'bells',
  await createBellRinger({ ...stores, onError: onceASecond(log.warn.bind(log), 'a bell could not be rung') }),
  (started) => started.close(),
);
const challenger = config.CHALLENGE_SECRET === undefined ? null : createProofOfWork(config.CHALLENGE_SECRET);
const gate = lifecycle.add(
  'gate',
  await createEdgeGate({
    ...stores,
    ring: bells.ring,
    intakeLimit: config.INTAKE_LIMIT,
    remembers: config.REMEMBERED_TICKETS,
    onRequeued: (saleId, tickets) =>
      log.warn({ saleId, tickets }, 'tickets that Redis had lost are queued again'),
    challenger,
    listsTickets: config.BUYER_AUTH === 'jwt',
    onError: onceASecond(log.warn.bind(log), 'the gate did not answer'),
  }),
  (started) => started.close(),
);
const payments = await createPaymentProvider(
  providerChoice(config),
  onceASecond(log.error.bind(log), 'a payment could not be begun'),
);
if (payments?.name === 'fake') log.warn({}, 'PAYMENTS=fake takes no money: anybody can pay');
const limiterOf = (name: string, limit: RateLimit | undefined) =>
  limit === undefined
    ? null
    : lifecycle.add(
        `limit per ${name}`,
        createRateLimiter({
          redisUrl: config.REDIS_URL,
          name,
          limit,
          onError: onceASecond(log.warn.bind(log), 'a rate limit counts in memory'),
        }),
        (started) => started.close(),
      );
const limits = createRateLimits({
  writes: limiterOf('address', config.RATE_LIMIT_PER_ADDRESS),
  reads: limiterOf('reader', config.READ_LIMIT_PER_ADDRESS),
  buyer: limiterOf('buyer', config.RATE_LIMIT_PER_BUYER),
  trustedProxies: config.TRUSTED_PROXIES,
});
const doors = createDoors(
  {
    connectionsPerAddress: config.MAX_CONNECTIONS_PER_ADDRESS,
    streamsPerAddress: config.MAX_STREAMS_PER_ADDRESS,
    streamsPerBuyer: config.MAX_STREAMS_PER_BUYER,
  },
  config.TRUSTED_PROXIES,
);
const site = readSite(config.SITE_DIR, config.PEER_EDGES);
if (site === null)
  log.warn({ folder: config.SITE_DIR }, 'no pages for buyers were built: only programs can buy');
const tokens = tokenSettings(config);
const edge = createEdgeApp({
  gate,
  log,
  limits,
  doors,
  tokens:
    tokens === null
      ? null
      : createBuyerTokens(tokens, onceASecond(log.warn.bind(log), 'the keys of buyer tokens are away')),
  payments,
  challenger,
  site,
  peers: config.PEER_EDGES,
  corsOrigins: [...config.CORS_ORIGINS, ...config.PEER_EDGES],
  slowRequestMs: config.SLOW_REQUEST_MS,
  processMetrics: createMetrics().text,
});
const server = lifecycle.add(
  'server',
  createEdgeServer(edge, { maxConnections: config.MAX_CONNECTIONS }),
  (started) => closeServer(started, edge, config.DRAIN_MS),
);

const port = await openHttpServer(server, config.EDGE_PORT, config.HOST);
log.info({ host: config.HOST, port }, 'the edge is open');
