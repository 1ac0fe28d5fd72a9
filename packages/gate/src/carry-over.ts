import {
  type IntakeEntry,
  isReserve,
  newerPatienceMs,
  type RebuildSource,
  type ReserveEntry,
} from '@holdfast/core';
import type { Redis } from 'ioredis';
import { headAgain, packLines, parseEntry, personOf, salvage } from './entry-format.ts';
import type { SaleKeys } from './keys.ts';
import { pieces } from './pieces.ts';
import { memberField } from './stage-buyers.ts';
import { type Stage, stageTickets } from './stage-tickets.ts';

/** Entries that one script handles. */
const pieceSize = 200;

/** What stands in the old intake and not in the ledger; grants and denials are dropped, since settling makes them again. */
export async function carryOver(
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
    const carried = await withRepeats(source, unknown.entries);
    if (carried.length > 0 && !(await stageEntries(stage, keys, epoch, carried))) return false;
  }
}

/** What buyers were told and the ledger has lost, in its old order. */
export async function stageLost(
  stage: Stage,
  keys: SaleKeys,
  source: RebuildSource,
  lost: readonly IntakeEntry[],
): Promise<boolean> {
  for (const entries of pieces(lost, pieceSize))
    if (!(await stageEntries(stage, keys, source.cursor.epoch, await withRepeats(source, entries))))
      return false;
  return true;
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
