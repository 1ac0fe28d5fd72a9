import { createHash } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { connect } from './connection.ts';
import { within } from './deadline.ts';
import { resetWhenSilent } from './silence.ts';

/** So many in so many seconds, from the first one on. */
export interface RateLimit {
  quantity: number;
  windowSeconds: number;
}

export interface RateTaken {
  allowed: boolean;
  remaining: number;
  /** Until the window ends. */
  resetSeconds: number;
}

export interface RateLimiter {
  limit: RateLimit;
  /** Counts one for `name`; never throws. Names are kept as digests. */
  take(name: string): Promise<RateTaken>;
  close(): void;
}

/** How long Redis may take to count; then, and for a while, this edge counts by itself. */
const countWithinMs = 500;
const aloneForMs = 1_000;

/**
 * Counts in Redis, so that all edges count together; while Redis is away each edge counts for itself, since a limit that
 * fails open is none and one that fails closed is an outage. Whoever is over the limit is known in memory until the
 * window ends, and costs Redis nothing.
 */
export function createRateLimiter(options: {
  redisUrl: string;
  /** Keeps the counts of several limiters apart. */
  name: string;
  limit: RateLimit;
  onError?(error: Error): void;
}): RateLimiter {
  const { redisUrl, name, limit, onError } = options;
  const redis = connect({ url: redisUrl, name: `holdfast-${name}`, onError });
  resetWhenSilent(redis, 2 * countWithinMs);
  const counted = { points: limit.quantity, duration: limit.windowSeconds, keyPrefix: `limit:${name}` };
  const alone = new RateLimiterMemory(counted);
  let aloneUntil = 0;
  const limiter = new RateLimiterRedis({
    ...counted,
    storeClient: redis,
    rejectIfRedisNotReady: true,
    inMemoryBlockOnConsumed: limit.quantity + 1,
  });

  /** A Redis that is slow or away holds nobody up, and is not asked again at once by everybody. */
  async function consume(who: string): Promise<RateLimiterRes> {
    if (performance.now() < aloneUntil) return alone.consume(who);
    try {
      return await within(countWithinMs, 'Counting', limiter.consume(who));
    } catch (refused) {
      if (refused instanceof RateLimiterRes) throw refused;
      onError?.(refused as Error);
      aloneUntil = performance.now() + aloneForMs;
      return alone.consume(who);
    }
  }

  return {
    limit,
    async take(who) {
      try {
        return takenOf(await consume(digest(who)), true);
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return takenOf(refused, false);
        onError?.(refused as Error);
        return { allowed: true, remaining: 0, resetSeconds: 0 };
      }
    },
    close: () => redis.disconnect(),
  };
}

function takenOf({ remainingPoints, msBeforeNext }: RateLimiterRes, allowed: boolean): RateTaken {
  return { allowed, remaining: remainingPoints, resetSeconds: Math.max(1, Math.ceil(msBeforeNext / 1000)) };
}

function digest(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, 22);
}
