import { readConfig, settings } from '@holdfast/runtime';

/** What the edge reads from its environment; the README has them all. */
export const readEdgeConfig = (env?: Record<string, string | undefined>) =>
  readConfig(
    {
      EDGE_PORT: settings.edgePort,
      HOST: settings.host,
      REDIS_URL: settings.redisUrl,
      SHARDS: settings.shards,
      BUYER_AUTH: settings.buyerAuth.refine(
        (auth) => auth === 'open',
        'jwt is not built yet; only open can be used',
      ),
      CORS_ORIGINS: settings.list.default([]),
      LOG_LEVEL: settings.logLevel,
      /** Entries that may wait for the ledger before newcomers are refused. */
      INTAKE_LIMIT: settings.count.default(200_000),
      /** Open connections, streams included; 0 is no limit. */
      MAX_CONNECTIONS: settings.count.default(0),
      /** Calls that took longer are logged. */
      SLOW_REQUEST_MS: settings.count.default(1_000),
      /** How long a balancer may need to see that the edge is not ready, before connections are refused. */
      DRAIN_MS: settings.count.default(0),
    },
    env,
  );
