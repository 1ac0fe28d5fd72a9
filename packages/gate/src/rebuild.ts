import {
  ceilingOf,
  countsForBuyer,
  type IntakeEntry,
  isFinal,
  isReserve,
  newerPatienceMs,
  type RebuildSource,
  type Reservation,
  type ReserveEntry,
  unitsOf,
} from '@holdfast/core';
import type { Redis } from 'ioredis';
import { allAnswers } from './all-answers.ts';
import { ticketsField, withTicket } from './buyer-tickets.ts';
import { headAgain, packLines, parseEntry, personOf, salvage } from './entry-format.ts';
import { keysOf, type SaleKeys } from './keys.ts';
import { lostTickets } from './lost-tickets.ts';
import type { RunScript } from './scripts.ts';
import { termFields } from './terms.ts';
import { recordOf } from './ticket-record.ts';

/** Tickets or entries that one script handles. */
const pieceSize = 200;
/** A rebuild that was given up leaves its staged keys no longer than this. */
const stagedSeconds = 900;

/**
 * Steps (b) to (d) of a rebuild. The gate of the sale is closed first, so that its intake stands still; everything is
 * staged under keys of the new epoch; one script swaps it in. Whoever is overtaken by a newer rebuild notices at the
 * next script and has changed nothing.
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
  for await (const page of source.reservations) {
    for (const reservations of pieces(page, pieceSize))
      if (!(await stageTickets(stage, keys, reservations, retentionMs))) return 'superseded';
    await stageClaims(redis, staged.buyers, page);
    await stageLists(redis, staged.buyers, page);
  }
  for await (const page of source.released) await stageReleased(redis, staged.buyers, page);
  for await (const page of source.members) await stageMembers(redis, staged.buyers, page);
  for (const entries of pieces(lost, pieceSize))
    if (!(await stageEntries(stage, keys, cursor.epoch, await withRepeats(source, entries))))
      return 'superseded';
  if (!(await carryOver(redis, stage, keys, source))) return 'superseded';
  for (const key of [staged.sale, staged.intake, staged.buyers]) await redis.expire(key, stagedSeconds);
  const names = [keys.sale, keys.intake, keys.buyers, staged.sale, staged.intake, staged.buyers, keys.sales];
  return (await run('swap', names, [cursor.epoch, sale.id, keys.news])) === 'rebuilt'
    ? 'rebuilt'
    : 'superseded';
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

async function stageTickets(
  stage: Stage,
  keys: SaleKeys,
  reservations: readonly Reservation[],
  retentionMs: number,
): Promise<boolean> {
  const names = reservations.map((reservation) => keys.ticket(reservation.ticketId));
  const args: (string | number)[] = [];
  for (const reservation of reservations)
    args.push(isFinal(reservation.status) ? retentionMs : '', recordOf(reservation));
  return stage('stage-tickets', names, args);
}

async function stageClaims(
  redis: Redis,
  buyers: string,
  reservations: readonly Reservation[],
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const reservation of reservations) {
    if (reservation.buyerId === '') continue;
    if (countsForBuyer(reservation.status))
      pipeline.hincrby(buyers, `c:${reservation.buyerId}`, unitsOf(reservation.lines));
    if (reservation.idempotencyKey === null) continue;
    const field = `k:${reservation.buyerId}\n${reservation.idempotencyKey}`;
    pipeline.hset(buyers, field, `${reservation.ticketId} ${reservation.fingerprint ?? ''}`);
  }
  await allAnswers(pipeline);
}

/** Which tickets are whose, for edges that list them; nothing here says whether there are any. */
async function stageLists(redis: Redis, buyers: string, reservations: readonly Reservation[]): Promise<void> {
  const owned = reservations.filter(({ buyerId }) => buyerId !== '');
  const fields = [...new Set(owned.map(({ buyerId }) => ticketsField(buyerId)))];
  if (fields.length === 0) return;
  const before = await redis.hmget(buyers, ...fields);
  const lists = new Map(fields.map((field, index) => [field, before[index] ?? '']));
  for (const { buyerId, ticketId } of owned) {
    const field = ticketsField(buyerId);
    lists.set(field, withTicket(lists.get(field), ticketId));
  }
  await redis.hset(buyers, ...[...lists].flat());
}

/** `claimed` only grows, so it counts what was given back as well. */
async function stageReleased(
  redis: Redis,
  buyers: string,
  released: ReadonlyMap<string, number>,
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const [buyerId, units] of released) {
    pipeline.hset(buyers, `r:${buyerId}`, units);
    pipeline.hincrby(buyers, `c:${buyerId}`, units);
  }
  await allAnswers(pipeline);
}

/** Who joined the lobby once does not join it again. */
async function stageMembers(
  redis: Redis,
  buyers: string,
  members: readonly { ticketId: string; buyerId: string }[],
): Promise<void> {
  const fields = members.flatMap(({ ticketId, buyerId }) => [memberField(buyerId), ticketId]);
  if (fields.length > 0) await redis.hset(buyers, ...fields);
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
): Promise<boolean> {
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
    const unknown = await withRepeats(source, await source.unknownOf(entries));
    if (unknown.length > 0 && !(await stageEntries(stage, keys, source.cursor.epoch, unknown))) return false;
  }
}

/** One key has one reservation: what repeats another ticket keeps its place to be told so, and takes nothing. */
async function withRepeats(source: RebuildSource, entries: readonly IntakeEntry[]): Promise<IntakeEntry[]> {
  const firstOf = await source.repeatsOf(entries);
  return entries.map((entry) => {
    const repeats = firstOf.get(entry.ticketId);
    return repeats === undefined || !isReserve(entry)
      ? entry
      : { ...entry, idempotencyKey: null, fingerprint: null, admitted: false, repeats };
  });
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

function pieces<Piece>(whole: readonly Piece[], size: number): Piece[][] {
  const parts: Piece[][] = [];
  for (let start = 0; start < whole.length; start += size) parts.push(whole.slice(start, start + size));
  return parts;
}
