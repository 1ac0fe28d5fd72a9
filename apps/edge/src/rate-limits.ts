import { type Answer, refusalProblem } from '@holdfast/contracts';
import { refuse } from '@holdfast/core';
import type { RateLimiter, RateTaken } from '@holdfast/gate';
import { type EdgeContext, type Handle, headerOf } from './call.ts';
import { clientAddress } from './client-address.ts';

export interface RateLimitParts {
  /** What is asked for from one address: reservations and commands, and apart from them what is only looked at. */
  writes: RateLimiter | null;
  reads: RateLimiter | null;
  /** Reservations of one buyer. */
  buyer: RateLimiter | null;
  trustedProxies: Parameters<typeof clientAddress>[2];
}

export interface RateLimits {
  /** Before anything of the request is read: what is refused shall cost as little as it can. */
  writes(handle: Handle): Handle;
  /** Counted apart, so that whoever asked too often can still follow the ticket that came of it. */
  reads(handle: Handle): Handle;
  /** The answer to a buyer who is over the limit; null for all others. Known only once the body was read. */
  buyer(buyerId: string, requestId: string): Promise<Answer | null>;
}

/** Nothing of a limit that is not set stands in the way of a request. */
export function createRateLimits({ writes, reads, buyer, trustedProxies }: RateLimitParts): RateLimits {
  const perAddress =
    (limiter: RateLimiter | null) =>
    (handle: Handle): Handle =>
      limiter === null
        ? handle
        : async (c, requestId) =>
            (await over(limiter, 'address', addressOf(c), requestId)) ?? handle(c, requestId);

  function addressOf(c: EdgeContext): string {
    const peer = c.env?.incoming?.socket.remoteAddress;
    return clientAddress(peer, headerOf(c, 'x-forwarded-for'), trustedProxies);
  }

  return {
    writes: perAddress(writes),
    reads: perAddress(reads),
    buyer: async (buyerId, requestId) => (buyer === null ? null : over(buyer, 'buyer', buyerId, requestId)),
  };
}

async function over(
  limiter: RateLimiter,
  policy: string,
  who: string,
  requestId: string,
): Promise<Answer | null> {
  const taken = await limiter.take(who);
  return taken.allowed ? null : limited(limiter, policy, taken, requestId);
}

/** The fields of the IETF's draft of RateLimit headers. */
function limited(
  { limit }: RateLimiter,
  policy: string,
  { remaining, resetSeconds }: RateTaken,
  requestId: string,
): Answer {
  const answer = refusalProblem(refuse('rate_limited', { retryAfterSeconds: resetSeconds }), requestId);
  answer.headers['RateLimit-Policy'] = `"${policy}";q=${limit.quantity};w=${limit.windowSeconds}`;
  answer.headers['RateLimit'] = `"${policy}";r=${remaining};t=${resetSeconds}`;
  return answer;
}
