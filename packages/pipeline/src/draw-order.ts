import { hash } from 'node:crypto';
import type { DrawResult, Lobby } from '@holdfast/core';

/** SHA-256 of the seed's 32 bytes, in hex. */
export function commitmentOf(seed: string): string {
  return hash('sha256', Buffer.from(seed, 'hex'));
}

/** What is published of a draw: the seed, and the SHA-256 of the members' ticket ids, joined by line feeds in the order of joining. */
export function resultOf({ seed, ticketIds }: Lobby): DrawResult {
  return { seed, members: ticketIds.length, listHash: hash('sha256', ticketIds.join('\n')) };
}

/**
 * The drawn order, which anybody can compute again: with
 * `mix = sha256(seed + '\n' + listHash + '\n' + beacon)` (the beacon empty when there is none), members stand by
 * `sha256(mix + '\n' + ticketId)`, the smallest first. All of it is hex in lower case, and hashed as text.
 * Whoever chose the seed could not know the list, and nobody in the list could know the seed.
 */
export function drawnOrder({ seed, beacon, ticketIds }: Lobby): string[] {
  const mix = hash('sha256', `${seed}\n${resultOf({ seed, beacon, ticketIds }).listHash}\n${beacon ?? ''}`);
  return ticketIds
    .map((ticketId) => ({ ticketId, by: hash('sha256', `${mix}\n${ticketId}`) }))
    .sort((left, right) => (left.by < right.by ? -1 : 1))
    .map(({ ticketId }) => ticketId);
}
