import { makeTicketId, type Refusal, refuse } from '@holdfast/core';
import type { Redis } from 'ioredis';
import { insist } from './insist.ts';
import { keysOf } from './keys.ts';

/** The last argument of admit.lua and join.lua at an edge that lists tickets. */
export const listed = 'mine';

/** Where a buyer's tickets stand in the hash of buyers: the secret ends of their ids, 22 letters and digits each. */
export function ticketsField(buyerId: string): string {
  return `t:${buyerId}`;
}

/**
 * The ids of a buyer's tickets of one sale, the oldest first; some may have been forgotten after their end. Asked in one
 * step with what says that the gate is whole: one that was emptied must not look like a buyer without tickets.
 */
export async function ticketIdsOf(
  redis: Redis,
  shard: string,
  saleId: string,
  buyerId: string,
  deadlineMs: number,
): Promise<string[] | Refusal> {
  const { boot, sale, buyers } = keysOf(shard, saleId);
  const replies = await insist(deadlineMs, 'Listing tickets', () =>
    redis
      .multi()
      .exists(boot)
      .hmget(sale, 'epoch', 'rebuilding', 'restoring')
      .hget(buyers, ticketsField(buyerId))
      .exec(),
  );
  const [booted, state, list] = (replies ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
  const [epoch = null, rebuilding = null, restoring = null] = (state ?? []) as (string | null)[];
  if (booted !== 1 || rebuilding !== null || restoring !== null)
    return refuse('gate_unavailable', { retryAfterSeconds: 1 });
  if (epoch === null) return refuse('unknown_sale');
  if (typeof list !== 'string' || list === '') return [];
  return list.split(' ').map((end) => makeTicketId(shard, saleId, end));
}
