import { readConfig, settings } from '@holdfast/runtime';
import { z } from 'zod';

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
      /** Who takes the money: nobody (a confirm is the shop's word), a provider that only plays, or Stripe. */
      PAYMENTS: z.enum(['none', 'fake', 'stripe']).default('none'),
      STRIPE_SECRET_KEY: z.string().optional(),
      STRIPE_WEBHOOK_SECRET: z.string().optional(),
      /** Another address than Stripe's own, for tests. */
      STRIPE_API_URL: z.url().default('https://api.stripe.com'),
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
    ({ PAYMENTS }) => (PAYMENTS === 'stripe' ? ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'] : []),
  );

type EdgeConfig = ReturnType<typeof readEdgeConfig>;

/** What the settings say about money. */
export function providerChoice(config: EdgeConfig) {
  if (config.PAYMENTS !== 'stripe') return { kind: config.PAYMENTS };
  return {
    kind: config.PAYMENTS,
    secretKey: config.STRIPE_SECRET_KEY ?? '',
    webhookSecret: config.STRIPE_WEBHOOK_SECRET ?? '',
    apiUrl: config.STRIPE_API_URL,
  };
}
