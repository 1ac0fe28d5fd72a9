import type { Forgetting } from '@holdfast/core';
import type { Redis } from 'ioredis';
import type { SaleKeys } from './keys.ts';
import type { RunScript } from './scripts.ts';

/** Tickets, and keys, that one script handles. */
const pieceSize = 200;
/** Fields that one look at the buyers' hash goes through. */
const fieldsPerScan = 1_000;

/** All of it may be done again; false as soon as the gate is not where it has to be. */
export async function forgetBuyer(
  redis: Redis,
  run: RunScript,
  keys: SaleKeys,
  { buyerId, pseudonym, ticketIds, epoch, position }: Forgetting,
): Promise<boolean> {
  const fields = await keyFields(redis, keys.buyers, buyerId);
  const pieces = Math.max(1, Math.ceil(Math.max(ticketIds.length, fields.length) / pieceSize));
  for (let piece = 0; piece < pieces; piece++) {
    const [from, to] = [piece * pieceSize, (piece + 1) * pieceSize];
    const names = [keys.boot, keys.sale, keys.intake, keys.buyers];
    for (const ticketId of ticketIds.slice(from, to)) names.push(keys.ticket(ticketId));
    const args = [epoch, position, buyerId, pseudonym, ...fields.slice(from, to)];
    if ((await run('forget', names, args)) !== 'forgotten') return false;
  }
  return true;
}

/** The fields of a buyer's idempotency keys. Only who claimed units has any, and looking for them goes through everybody's. */
async function keyFields(redis: Redis, buyers: string, buyerId: string): Promise<string[]> {
  if ((await redis.hexists(buyers, `c:${buyerId}`)) === 0) return [];
  const prefix = `k:${buyerId}\n`;
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscan(
      buyers,
      cursor,
      'MATCH',
      `${prefix.replace(/[\\*?[\]^-]/g, '\\$&')}*`,
      'COUNT',
      fieldsPerScan,
    );
    cursor = next;
    for (let index = 0; index < flat.length; index += 2) found.add(flat[index] as string);
  } while (cursor !== '0');
  return [...found].filter((field) => field.startsWith(prefix));
}
