import { ceilingOf, type RebuildOutcome, type RebuildSource } from '@holdfast/core';
import type { Redis } from 'ioredis';
import { carryOver, stageLost } from './carry-over.ts';
import { keysOf, type SaleKeys } from './keys.ts';
import { lostTickets } from './lost-tickets.ts';
import type { RunScript } from './scripts.ts';
import { type StagePiece, stageBuyers } from './stage-buyers.ts';
import { type Stage, stageTickets } from './stage-tickets.ts';
import { termFields } from './terms.ts';

/** So many tickets are there when the gate opens, and the others follow. A small sale is whole at once. */
const ticketsAtOnce = 4_000;
/** A rebuild that was given up leaves its staged keys no longer than this. */
const stagedSeconds = 900;

/**
 * Steps (b) to (d) of a rebuild. The gate of the sale is closed first, so that its intake stands still; everything that
 * decides about units, limits and keys is staged under keys of the new epoch; one script swaps it in. The tickets of a
 * large sale follow when the gate is open (restore.ts). Whoever is overtaken by a newer rebuild notices at the next script
 * and has changed nothing; and the swap counts the pieces, since Redis may lose some of a stage while it is made.
 */
export async function rebuild(
  redis: Redis,
  run: RunScript,
  source: RebuildSource,
  retentionMs: number,
): Promise<RebuildOutcome> {
  const { sale, cursor } = source;
  const keys = keysOf(sale.shard, sale.id);
  const staged = keys.staged(cursor.epoch);
  let refused: 'superseded' | 'torn' = 'superseded';
  const isStaged = (answer: unknown) => {
    if (answer === 'torn') refused = answer;
    return answer === 'staged';
  };
  let pieces = 0;
  const stage: Stage = async (script, names, args) =>
    isStaged(await run(script, [keys.sale, ...names], [cursor.epoch, ++pieces, ...args]));
  let buyerPieces = 0;
  const stagePiece: StagePiece = async (args) =>
    isStaged(await run('stage-buyers', [keys.sale, staged.buyers], [cursor.epoch, ++buyerPieces, ...args]));
  if ((await run('close', [keys.sale], [cursor.epoch])) === 'superseded') return 'superseded';
  await redis.del(staged.sale, staged.intake, staged.buyers);
  // Before the ledger's states are written over them.
  const lost = await lostTickets(redis, keys, source);
  const stagedFields = await saleFields(redis, keys, source);
  await redis.hset(staged.sale, ...stagedFields);
  if (!(await stageBuyers(stagePiece, source))) return refused;
  const left = await stageFirstPages(stage, keys, source, retentionMs);
  if (left === 'refused') return refused;
  if (!(await stageLost(stage, keys, source, lost))) return refused;
  if (!(await carryOver(redis, stage, keys, source, retentionMs))) return refused;
  for (const key of [staged.sale, staged.intake, staged.buyers]) await redis.expire(key, stagedSeconds);
  const live = [keys.sale, keys.intake, keys.buyers];
  const names = [...live, staged.sale, staged.intake, staged.buyers, keys.sales, keys.moved];
  const args = [cursor.epoch, sale.id, keys.news, retentionMs, pieces, buyerPieces, left ?? ''];
  return (await run('swap', names, args)) as RebuildOutcome;
}

/** Where tickets are to be continued, or null when they are all there. */
async function stageFirstPages(
  stage: Stage,
  keys: SaleKeys,
  { cursor, restored }: RebuildSource,
  retentionMs: number,
): Promise<string | null | 'refused'> {
  let left: string | null = null;
  let count = 0;
  for await (const page of restored) {
    if (!(await stageTickets(stage, keys, cursor.epoch, page.reservations, retentionMs))) return 'refused';
    left = page.to;
    count += page.reservations.length;
    if (count >= ticketsAtOnce) break;
  }
  return left;
}

async function saleFields(redis: Redis, keys: SaleKeys, source: RebuildSource): Promise<string[]> {
  const { sale, cursor, items, withdrawn } = source;
  // The gate's time never goes back for a sale, not even when its memory is lost and the machine's clock is another.
  const time = String(Math.max(cursor.ranAt, Number((await redis.hget(keys.sale, 'time')) ?? 0)));
  const fields: [string, string][] = [
    ...termFields(sale),
    ['created', String(sale.createdAt)],
    ['epoch', String(cursor.epoch)],
    ['seq', String(cursor.committedSeq)],
    ['tip', cursor.tip],
    ['cursor', String(cursor.committedSeq)],
    // One event behind, the rebuild's own: settling it makes the grants and denials again that the old intake held.
    ['journal', String(cursor.position - 1)],
    ['time', time],
    ['lined', '0'],
    ['decided', '0'],
    ['waiting', String(source.waiting)],
    ['joined', '0'],
    ['head', `${cursor.position} ${cursor.head}`],
  ];
  if (sale.draw !== undefined) fields.push(['placed', String(source.placed)]);
  for (const [sku, counters] of items) {
    fields.push([`ceiling:${sku}`, String(ceilingOf(counters))]);
    fields.push([`admitted:${sku}`, String(counters.taken)]);
    fields.push([`stock:${sku}`, String(counters.stock - (withdrawn.get(sku) ?? 0))]);
  }
  return fields.flat();
}
