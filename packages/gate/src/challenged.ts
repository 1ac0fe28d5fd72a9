import { createHash, randomUUID } from 'node:crypto';
import { type Challenger, type Line, type Refusal, type ReserveRequest, refuse } from '@holdfast/core';
import type { Redis } from 'ioredis';
import { fingerprintOf } from './ids.ts';
import { insist } from './insist.ts';
import { keysOf } from './keys.ts';
import type { KnownSale } from './sale-reader.ts';

/** A request to a sale that asks newcomers for something first, with the lines as they would be sent. */
export interface Challenged {
  request: ReserveRequest;
  sale: KnownSale;
  lines: readonly Line[];
  kind: 'reserve' | 'join';
  /** The same for as long as this request is prepared and sent again. */
  asking: string;
}

/** A name for one request. */
export function newAsking(): string {
  return randomUUID();
}

/** `passed`: the gate may be asked for units. `replay`: it has its ticket already, whatever it brings. */
export type ChallengeAnswer = { kind: 'passed' } | { kind: 'replay'; ticketId: string } | Refusal;

/**
 * Stands before admission, for sales that have a challenge. A solution belongs to the first who brings it: to a buyer with
 * an Idempotency-Key, so that the same request again is the same ticket, else to one request. Its key outlives it, so
 * whoever comes later is too late at every edge. Throws when Redis does not answer: then nobody gets in.
 */
export function createChallengeCheck(
  redis: Redis,
  challenger: Challenger | null,
  deadlineMs: number,
): (asking: Challenged) => Promise<ChallengeAnswer> {
  return async (asking) => {
    const judged = await judge(asking);
    if (judged.kind === 'solved') {
      const owner = ownerOf(asking);
      if ((await claim(asking, judged.id, judged.validSeconds, owner)) === owner) return { kind: 'passed' };
    }
    // A lost answer must not look like a refusal, and by now the solution may be too old.
    const before = await ticketBefore(asking);
    if (before !== null) return before;
    switch (judged.kind) {
      case 'absent':
        return refuse('challenge_required');
      case 'away':
        return refuse('gate_unavailable', { retryAfterSeconds: 1 });
      default:
        return refuse('challenge_failed');
    }
  };

  async function judge({ request, sale }: Challenged) {
    const { challenge } = sale.view;
    if (challenger === null || challenge === null) return { kind: 'away' as const };
    if (request.solution === undefined) return { kind: 'absent' as const };
    return challenger.judge(request.saleId, challenge, request.solution);
  }

  /** Whose the solution is: `owner` when nobody was before. Sent again after a lost reply, the answer is the same. */
  async function claim(
    { request, sale }: Challenged,
    id: string,
    validSeconds: number,
    owner: string,
  ): Promise<string> {
    const key = keysOf(sale.shard, request.saleId).solved(id);
    const seconds = validSeconds + clocksApartSeconds;
    const before = await insist(deadlineMs, 'Claiming a solution', () =>
      redis.set(key, owner, 'EX', seconds, 'NX', 'GET'),
    );
    return before ?? owner;
  }

  /** The ticket that the same request got before; null when there is none. It never gives one. */
  async function ticketBefore({
    request,
    sale,
    lines,
    kind,
  }: Challenged): Promise<{ kind: 'replay'; ticketId: string } | Refusal | null> {
    const { buyerId, idempotencyKey, saleId } = request;
    if (kind === 'reserve' && idempotencyKey === null) return null;
    const { boot, buyers } = keysOf(sale.shard, saleId);
    const field = kind === 'join' ? `l:${buyerId}` : `k:${buyerId}\n${idempotencyKey}`;
    const [booted, found] = await insist(deadlineMs, 'Looking for a ticket', () =>
      Promise.all([redis.exists(boot), redis.hget(buyers, field)]),
    );
    if (booted === 0) return refuse('gate_unavailable', { retryAfterSeconds: 1 });
    if (found === null) return null;
    const [ticketId = '', fingerprint] = found.split(' ');
    return kind === 'reserve' && fingerprint !== fingerprintOf(lines)
      ? refuse('idempotency_mismatch')
      : { kind: 'replay', ticketId };
  }
}

/** How far the clocks of two edges may be apart: one that is behind takes a solution for longer. */
const clocksApartSeconds = 60;

/** The same for the same request again: by its buyer where each has one place, by its key, else by this one asking. */
function ownerOf({ request, kind, asking }: Challenged): string {
  const { buyerId, idempotencyKey } = request;
  const sameness =
    kind === 'join'
      ? ['join', buyerId]
      : idempotencyKey === null
        ? ['asking', asking]
        : ['key', buyerId, idempotencyKey];
  return createHash('sha256').update(JSON.stringify(sameness)).digest('base64url').slice(0, 22);
}
