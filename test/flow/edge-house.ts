/** A house with an edge behind a real socket, for tests that are buyers. */
import type { Challenger, PaymentProvider } from '@holdfast/core';
import { createEdgeGate, createRateLimiter, type RateLimit, type RateLimiter } from '@holdfast/gate';
import { createBellRinger, type NewSale } from '@holdfast/pipeline';
import { type HttpTimes, openHttpServer } from '@holdfast/runtime';
import type { BuyerTokens } from '../../apps/edge/src/buyer-tokens.ts';
import { createEdgeApp } from '../../apps/edge/src/app.ts';
import { parseRange } from '../../apps/edge/src/client-address.ts';
import { createDoors, type DoorLimits, noDoorLimits } from '../../apps/edge/src/doors.ts';
import { createRateLimits } from '../../apps/edge/src/rate-limits.ts';
import { closeServer, createEdgeServer } from '../../apps/edge/src/server.ts';
import type { Site } from '../../apps/edge/src/site.ts';
import { type House, openHouse } from '../support/house.ts';

export interface EdgeHouse
  extends Pick<
    House,
    'redis' | 'ledger' | 'gate' | 'desk' | 'rows' | 'logged' | 'freeze' | 'thaw' | 'close'
  > {
  url: string;
  port: number;
  /** Every route that the edge has. */
  routes: readonly { method: string; path: string }[];
  /** Opens a sale with one item `tee` of ten units, unless told otherwise, and answers with its id. */
  open(change?: Partial<NewSale>): Promise<string>;
}

export interface EdgeHouseOptions {
  corsOrigins?: string[];
  payments?: PaymentProvider | null;
  tokens?: BuyerTokens | null;
  challenger?: Challenger | null;
  /** The pages for buyers. */
  site?: Site | null;
  /** What one may hold open. */
  doors?: Partial<DoorLimits>;
  maxConnections?: number;
  times?: Partial<HttpTimes>;
  /** Whether the tests' own address is a proxy that is believed; it is, unless told otherwise. */
  behindProxy?: boolean;
  limits?: Partial<Record<'writes' | 'reads' | 'buyer', RateLimit>>;
}

export async function openEdgeHouse(options: EdgeHouseOptions = {}): Promise<EdgeHouse> {
  const house = await openHouse({ workers: 1, edges: 0 });
  const { redis, ledger, desk, log, logged, freeze, thaw } = house;
  const bells = await createBellRinger({ redisUrl: redis.url });
  const { corsOrigins = [], payments = null, tokens = null, challenger = null, site = null } = options;
  const gate = await createEdgeGate({
    redisUrl: redis.url,
    ring: bells.ring,
    challenger,
    listsTickets: tokens !== null,
  });
  const limiters = Object.fromEntries(
    (['writes', 'reads', 'buyer'] as const).map((name) => {
      const limit = options.limits?.[name];
      return [name, limit === undefined ? null : createRateLimiter({ redisUrl: redis.url, name, limit })];
    }),
  ) as Record<'writes' | 'reads' | 'buyer', RateLimiter | null>;
  const trusted = parseRange('127.0.0.1');
  const { behindProxy = true, times = {} } = options;
  const trustedProxies = trusted === null || !behindProxy ? [] : [trusted];
  const limits = createRateLimits({ ...limiters, trustedProxies });
  const doors = createDoors({ ...noDoorLimits, ...options.doors }, trustedProxies);
  const edge = createEdgeApp({ gate, log, corsOrigins, payments, tokens, limits, doors, challenger, site });
  const server = createEdgeServer(edge, { maxConnections: options.maxConnections ?? 0, times });
  const port = await openHttpServer(server, 0, '127.0.0.1');
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    routes: edge.app.routes,
    redis,
    ledger,
    gate: house.gate,
    desk,
    rows: house.rows,
    logged,
    open: house.openSale,
    freeze,
    thaw,
    async close() {
      await closeServer(server, edge, 0);
      for (const limiter of Object.values(limiters)) limiter?.close();
      await bells.close();
      await gate.close();
      await house.close();
    },
  };
}
