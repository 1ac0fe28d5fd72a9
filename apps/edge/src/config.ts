import { fileURLToPath } from 'node:url';
import { readConfig, settings } from '@holdfast/runtime';
import { z } from 'zod';
import type { RateLimit } from '@holdfast/gate';
import type { BuyerTokenSettings } from './buyer-tokens.ts';
import { parseRange } from './client-address.ts';

const rateLimit = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[1-9]\d{0,5}s$/, 'must be like 30/10s')
  .transform((text): RateLimit => {
    const [quantity = 0, windowSeconds = 0] = text.slice(0, -1).split('/').map(Number);
    return { quantity, windowSeconds };
  });

/** What the edge reads from its environment; the README has them all. */
export const readEdgeConfig = (env?: Record<string, string | undefined>) =>
  readConfig(
    {
      EDGE_PORT: settings.edgePort,
      HOST: settings.host,
      REDIS_URL: settings.redisUrl,
      SHARDS: settings.shards,
      BUYER_AUTH: settings.buyerAuth,
      BUYER_TOKEN_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
      /** An address, or a file, of the public keys that buyer tokens are signed with. */
      BUYER_TOKEN_JWKS: z.string().optional(),
      BUYER_TOKEN_ISSUER: z.string().optional(),
      BUYER_TOKEN_AUDIENCE: z.string().optional(),
      /** Like `30/10s`; absent is no limit. */
      RATE_LIMIT_PER_ADDRESS: rateLimit.optional(),
      RATE_LIMIT_PER_BUYER: rateLimit.optional(),
      READ_LIMIT_PER_ADDRESS: rateLimit.optional(),
      /** Addresses and ranges of proxies whose X-Forwarded-For is believed. */
      TRUSTED_PROXIES: settings.list
        .transform((ranges) => ranges.map(parseRange))
        .refine((ranges) => !ranges.includes(null), 'must be addresses or ranges like 10.0.0.0/8')
        .transform((ranges) => ranges.filter((range) => range !== null))
        .default([]),
      /** Signs challenges; all edges have the same. Absent: nobody gets into a sale that has a challenge. */
      CHALLENGE_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
      CORS_ORIGINS: settings.list.default([]),
      /** The pages for buyers, as apps/storefront builds them. */
      SITE_DIR: z.string().default(fileURLToPath(new URL('../../storefront/dist', import.meta.url))),
      /** Addresses of other edges that pages may talk to, for the race between two of them. */
      PEER_EDGES: settings.list
        .refine((origins) => origins.every(isOrigin), 'must be addresses like http://127.0.0.1:8082')
        .default([]),
      LOG_LEVEL: settings.logLevel,
      /** Who takes the money: nobody (a confirm is the shop's word), a provider that only plays, or Stripe. */
      PAYMENTS: z.enum(['none', 'fake', 'stripe']).default('none'),
      STRIPE_SECRET_KEY: z.string().optional(),
      STRIPE_WEBHOOK_SECRET: z.string().optional(),
      /** Another address than Stripe's own, for tests. */
      STRIPE_API_URL: z.url().default('https://api.stripe.com'),
      /** Entries that may wait for the ledger before newcomers are refused. */
      INTAKE_LIMIT: settings.count.default(200_000),
      /** Tickets that are remembered until they are seen decided, to be queued again where Redis loses them. */
      REMEMBERED_TICKETS: settings.count.default(100_000),
      /** Open connections, streams included; 0 is no limit. */
      MAX_CONNECTIONS: settings.count.default(0),
      /** What one address, or one buyer, may hold open at one edge; 0 is no limit. */
      MAX_CONNECTIONS_PER_ADDRESS: settings.count.default(0),
      MAX_STREAMS_PER_ADDRESS: settings.count.default(0),
      MAX_STREAMS_PER_BUYER: settings.count.default(0),
      /** Calls that took longer are logged. */
      SLOW_REQUEST_MS: settings.count.default(1_000),
      /** How long a balancer may need to see that the edge is not ready, before connections are refused. */
      DRAIN_MS: settings.count.default(0),
    },
    env,
    (given) => [
      ...(given['PAYMENTS'] === 'stripe' ? ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'] : []),
      ...(given['BUYER_AUTH'] === 'jwt' ? [oneTokenKey(given)] : []),
    ],
  );

/** It becomes part of a page's policy, so it is no more than an origin. */
function isOrigin(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '') && new URL(text).origin === text;
}

/** Tokens are checked with a secret or with public keys, and never with whichever of the two fits. */
function oneTokenKey(given: Readonly<Record<string, string>>): string {
  const { BUYER_TOKEN_SECRET: secret, BUYER_TOKEN_JWKS: jwks } = given;
  if (secret !== undefined && jwks !== undefined)
    return 'One of BUYER_TOKEN_SECRET and BUYER_TOKEN_JWKS, not both,';
  return jwks === undefined ? 'BUYER_TOKEN_SECRET' : 'BUYER_TOKEN_JWKS';
}

type EdgeConfig = ReturnType<typeof readEdgeConfig>;

/** What the settings say about who buyers are; null when everybody is who they say. */
export function tokenSettings(config: EdgeConfig): BuyerTokenSettings | null {
  if (config.BUYER_AUTH === 'open') return null;
  return {
    secret: config.BUYER_TOKEN_SECRET ?? null,
    jwks: config.BUYER_TOKEN_JWKS ?? null,
    issuer: config.BUYER_TOKEN_ISSUER ?? null,
    audience: config.BUYER_TOKEN_AUDIENCE ?? null,
  };
}

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
