import {
  type ClaimedRow,
  ceilingOf,
  type IntakeEntry,
  isFinal,
  isReserve,
  newerPatienceMs,
  type RebuildSource,
  type Reservation,
  type ReserveEntry,
} from '@holdfast/core';
import type { Redis } from 'ioredis';
import { headAgain, packLines, parseEntry, personOf, salvage } from './entry-format.ts';
import { keysOf, type SaleKeys } from './keys.ts';
import { lostTickets } from './lost-tickets.ts';
import type { RunScript } from './scripts.ts';
import { termFields } from './terms.ts';
import { recordOf } from './ticket-record.ts';

/** Tickets or entries that one script handles. */
const pieceSize = 200;
/** Rows of buyers that one script handles, and scripts that are on their way at once: these share one fsync. */
const claimsPieceSize = 500;
const maxOnTheWay = 16;
/** So many tickets are there when the gate opens, and the others follow. A small sale is whole at once. */
const ticketsAtOnce = 4_000;
/** A rebuild that was given up leaves its staged keys no longer than this. */
const stagedSeconds = 900;

/**
 * Steps (b) to (d) of a rebuild. The gate of the sale is closed first, so that its intake stands still; everything that
 * decides about units, limits and keys is staged under keys of the new epoch; one script swaps it in. The tickets of a
 * large sale follow when the gate is open (restore.ts). Whoever is overtaken by a newer rebuild notices at the next script
 * and has changed nothing.
 */
export async function rebuild(
  redis: Redis,
  run: RunScript,
  source: RebuildSource,
  retentionMs: number,
): Promise<'rebuilt' | 'superseded'> {
  const { sale, cursor } = source;
  const keys = keysOf(sale.shard, sale.id);
  const staged = keys.staged(cursor.epoch);
  let piece = 0;
  const stage: Stage = async (script, names, args) =>
    (await run(script, [keys.sale, ...names], [cursor.epoch, ++piece, ...args])) === 'staged';
  if ((await run('close', [keys.sale], [cursor.epoch])) === 'superseded') return 'superseded';
  await redis.del(staged.sale, staged.intake, staged.buyers);
  // Before the ledger's states are written over them.
  const lost = await lostTickets(redis, keys, source);
  const stagedFields = await saleFields(redis, keys, source);
  await redis.hset(staged.sale, ...stagedFields);
  let claimsPiece = 0;
  const stageClaims = (args: readonly (string | number)[]) =>
    run('stage-buyers', [keys.sale, staged.buyers], [cursor.epoch, ++claimsPiece, ...args]);
  // All three only add, so their order does not matter.
  const complete = await Promise.all([
    stageAll(source.claims, claimsOf, stageClaims),
    stageAll(source.released, releasedOf, stageClaims),
    stageAll(source.members, membersOf, stageClaims),
  ]);
  if (complete.includes(false)) return 'superseded';
  const left = await stageFirstPages(stage, keys, source, retentionMs);
  if (left === 'superseded') return 'superseded';
  if (left !== null) await redis.hset(staged.sale, 'restoring', left);
  for (const entries of pieces(lost, pieceSize))
    if (!(await stageEntries(stage, keys, cursor.epoch, entries))) return 'superseded';
  if (!(await carryOver(redis, stage, keys, source, retentionMs))) return 'superseded';
  for (const key of [staged.sale, staged.intake, staged.buyers]) await redis.expire(key, stagedSeconds);
  const live = [keys.sale, keys.intake, keys.buyers];
  const names = [...live, staged.sale, staged.intake, staged.buyers, keys.sales, keys.moved];
  return (await run('swap', names, [cursor.epoch, sale.id, keys.news, retentionMs])) === 'rebuilt'
    ? 'rebuilt'
    : 'superseded';
}

/** Reads the next page while the last ones are written; false when this rebuild was overtaken. */
async function stageAll<Page>(
  pages: AsyncIterable<Page>,
  piecesOf: (page: Page) => (string | number)[][],
  stage: (args: readonly (string | number)[]) => Promise<unknown>,
): Promise<boolean> {
  const onTheWay = new Set<Promise<void>>();
  let overtaken = false;
  let failed: unknown;
  for await (const page of pages) {
    for (const args of piecesOf(page)) {
      const sent: Promise<void> = stage(args)
        .then(
          (answer) => void (overtaken ||= answer !== 'staged'),
          (error: unknown) => void (failed ??= error),
        )
        .finally(() => onTheWay.delete(sent));
      onTheWay.add(sent);
      if (onTheWay.size >= maxOnTheWay) await Promise.race(onTheWay);
    }
    if (overtaken || failed !== undefined) break;
  }
  await Promise.all(onTheWay);
  if (failed !== undefined) throw new Error('Staging who bought what failed', { cause: failed });
  return !overtaken;
}

function claimsOf(page: readonly ClaimedRow[]): (string | number)[][] {
  return pieces(page, claimsPieceSize).map((rows) => {
    const units = new Map<string, number>();
    const kept: string[] = [];
    for (const row of rows) {
      if (row.units > 0) units.set(row.buyerId, (units.get(row.buyerId) ?? 0) + row.units);
      if (row.idempotencyKey !== '') kept.push(`k:${row.buyerId}\n${row.idempotencyKey}`, row.kept);
    }
    return [units.size, ...[...units].flat(), ...kept];
  });
}

/** `claimed` only grows, so it counts what was given back as well. */
function releasedOf(page: ReadonlyMap<string, number>): (string | number)[][] {
  return pieces([...page], claimsPieceSize).map((rows) => [
    rows.length,
    ...rows.flat(),
    ...rows.flatMap(([buyerId, units]) => [`r:${buyerId}`, units]),
  ]);
}

/** Who joined the lobby once does not join it again. */
function membersOf(page: readonly { ticketId: string; buyerId: string }[]): (string | number)[][] {
  return pieces(page, claimsPieceSize).map((rows) => [
    0,
    ...rows.flatMap(({ ticketId, buyerId }) => [memberField(buyerId), ticketId]),
  ]);
}

/** Where tickets are to be continued, or null when they are all there. */
async function stageFirstPages(
  stage: Stage,
  keys: SaleKeys,
  { cursor, restored }: RebuildSource,
  retentionMs: number,
): Promise<string | null | 'superseded'> {
  let left: string | null = null;
  let count = 0;
  for await (const page of restored) {
    if (!(await stageTickets(stage, keys, cursor.epoch, page.reservations, retentionMs))) return 'superseded';
    left = page.to;
    count += page.reservations.length;
    if (count >= ticketsAtOnce) break;
  }
  return left;
}

/** One numbered piece of the stage; false when a newer rebuild has begun. */
type Stage = (
  script: 'stage-tickets' | 'stage-entries',
  names: readonly string[],
  args: readonly (string | number)[],
) => Promise<boolean>;

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

/** One after the other: a piece that is sent again must not come behind a later one. */
async function stageTickets(
  stage: Stage,
  keys: SaleKeys,
  epoch: number,
  reservations: readonly Reservation[],
  retentionMs: number,
): Promise<boolean> {
  for (const piece of pieces(reservations, pieceSize)) {
    const names = [keys.staged(epoch).buyers];
    const args: (string | number)[] = [];
    for (const reservation of piece) {
      names.push(keys.ticket(reservation.ticketId));
      const retention = isFinal(reservation.status) ? retentionMs : '';
      args.push(reservation.buyerId, retention, recordOf(reservation, epoch));
    }
    if (!(await stage('stage-tickets', names, args))) return false;
  }
  return true;
}

function memberField(buyerId: string): string {
  return `l:${buyerId}`;
}

/** What stands in the old intake and not in the ledger; grants and denials are dropped, since settling makes them again. */
async function carryOver(
  redis: Redis,
  stage: Stage,
  keys: SaleKeys,
  source: RebuildSource,
  retentionMs: number,
): Promise<boolean> {
  const { epoch } = source.cursor;
  let after = '-';
  for (;;) {
    const raw = await redis.xrange(keys.intake, after, '+', 'COUNT', pieceSize);
    const last = raw.at(-1);
    if (last === undefined) return true;
    after = `(${last[0]}`;
    const entries: IntakeEntry[] = [];
    for (const [id, fields] of raw) {
      const packed = fields[1] ?? '';
      const entry = parseEntry(Number.parseInt(id, 10), packed, fields[3] ?? '');
      if (entry === null) leaveToNewer(source.sale.id, id, packed);
      if (entry !== null && entry.kind !== 'grant' && entry.kind !== 'deny') entries.push(entry);
    }
    const unknown = await source.unknownOf(entries);
    // What a command or a place in line is about has to be there, or it would look like a ticket that is over.
    if (!(await stageTickets(stage, keys, epoch, unknown.reservations, retentionMs))) return false;
    if (unknown.entries.length > 0 && !(await stageEntries(stage, keys, epoch, unknown.entries)))
      return false;
  }
}

/** What only a newer program can read, only a newer one can carry over; after a while the sale has to go on without. */
function leaveToNewer(saleId: string, id: string, packed: string): void {
  const { newer, at } = salvage(saleId, Number.parseInt(id, 10), packed, '');
  if (newer && at !== null && Date.now() - at < newerPatienceMs)
    throw new Error(
      `Entry ${id} of sale ${saleId} was written by a newer program, which has to rebuild the gate`,
    );
}

async function stageEntries(
  stage: Stage,
  keys: SaleKeys,
  epoch: number,
  entries: readonly IntakeEntry[],
): Promise<boolean> {
  const staged = keys.staged(epoch);
  const names = [staged.sale, staged.intake, staged.buyers];
  const args: (string | number)[] = [];
  for (const entry of entries) {
    names.push(keys.ticket(entry.ticketId));
    const reserve: ReserveEntry | null = isReserve(entry) ? entry : null;
    const placing = reserve ?? (entry.kind === 'place' ? entry : null);
    const lines = placing?.lines ?? [];
    const [keyField, keyValue] = reserve === null ? ['', ''] : keptFields(reserve);
    args.push(
      entry.kind,
      placing?.buyerId ?? '',
      personOf(entry),
      headAgain(entry),
      entry.at,
      entry.admitted ? '1' : '0',
      keyField,
      keyValue,
      packLines(lines),
      lines.length,
    );
    for (const line of lines) args.push(line.sku, line.quantity);
  }
  return stage('stage-entries', names, args);
}

/** What makes a repeat find its ticket. */
function keptFields(entry: ReserveEntry): [field: string, value: string] {
  if (entry.kind === 'join') return [memberField(entry.buyerId), entry.ticketId];
  if (entry.idempotencyKey === null) return ['', ''];
  return [`k:${entry.buyerId}\n${entry.idempotencyKey}`, `${entry.ticketId} ${entry.fingerprint ?? ''}`];
}

export function pieces<Piece>(whole: readonly Piece[], size: number): Piece[][] {
  const parts: Piece[][] = [];
  for (let start = 0; start < whole.length; start += size) parts.push(whole.slice(start, start + size));
  return parts;
}
