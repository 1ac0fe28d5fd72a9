import {
  type Cursor,
  house,
  type IntakeEntry,
  isReserve,
  parseTicketId,
  type RebuildSource,
  type TicketStatus,
} from '@holdfast/core';
import type { Redis } from 'ioredis';
import { parseEntry } from './entry-format.ts';
import type { SaleKeys } from './keys.ts';
import { ticketOf } from './ticket-record.ts';

/** Tickets looked at per trip, and entries. */
const pieceSize = 500;

/** A ticket in one of these states is worth asking for again; the others gave their units back. */
const standing: ReadonlySet<TicketStatus> = new Set(['queued', 'held', 'waitlisted', 'confirmed', 'lobby']);

/**
 * What buyers were told and the ledger has lost, as entries to be decided again, in their old order: first the places in
 * line, then what was commanded with success. Only a gate that has heard of more than the ledger has can know of any.
 * What a record does not say is lost: the payment's reference, and by how much a hold was extended.
 */
export async function lostTickets(
  redis: Redis,
  keys: SaleKeys,
  { sale, before, unknownOf }: RebuildSource,
): Promise<IntakeEntry[]> {
  if (!(await hasHeardMore(redis, keys, sale.createdAt, before))) return [];
  const seen = await idsInIntake(redis, keys);
  const lost: { place: [epoch: number, seq: number]; entry: IntakeEntry }[] = [];
  let cursor = '0';
  do {
    const [next, names] = await redis.scan(cursor, 'MATCH', `${keys.ticket('*')}`, 'COUNT', pieceSize);
    cursor = next;
    const ids = names.map((name) => name.slice(keys.ticket('').length));
    const own = [...new Set(ids)].filter((id) => parseTicketId(id)?.saleId === sale.id);
    if (own.length === 0) continue;
    const records = await redis.mget(own.map(keys.ticket));
    const found = own.flatMap((id, index) => entriesOf(id, sale.id, records[index] ?? ''));
    const unknown = new Set((await unknownOf(found.map(({ entry }) => entry))).entries);
    for (const one of found) {
      const name = nameOf(one.entry);
      // A scan may meet a key twice, and what stands in the intake is carried over anyway.
      if (!unknown.has(one.entry) || seen.has(name)) continue;
      seen.add(name);
      lost.push(one);
    }
  } while (cursor !== '0');
  await addKeys(
    redis,
    keys,
    lost.map(({ entry }) => entry),
  );
  const order = (kind: IntakeEntry['kind']) =>
    kind === 'reserve' || kind === 'withdraw' || kind === 'join' ? 0 : 1;
  return lost
    .sort(
      (a, b) =>
        order(a.entry.kind) - order(b.entry.kind) || a.place[0] - b.place[0] || a.place[1] - b.place[1],
    )
    .map(({ entry }) => entry);
}

/** False for a sale of the same name from another life of the ledger: its tickets are nobody's here. */
async function hasHeardMore(
  redis: Redis,
  keys: SaleKeys,
  createdAt: number,
  { committedSeq, position, head, epoch }: Cursor,
): Promise<boolean> {
  const [created, atEpoch, cursor, journal, heard] = await redis.hmget(
    keys.sale,
    'created',
    'epoch',
    'cursor',
    'journal',
    'head',
  );
  if (created !== String(createdAt)) return false;
  if (Number(atEpoch) > epoch || Number(cursor) > committedSeq || Number(journal) > position) return true;
  const [at, hash] = (heard ?? '').split(' ');
  return Number(at) === position && hash !== head;
}

async function idsInIntake(redis: Redis, keys: SaleKeys): Promise<Set<string>> {
  const ids = new Set<string>();
  let after = '-';
  for (;;) {
    const raw = await redis.xrange(keys.intake, after, '+', 'COUNT', pieceSize);
    const last = raw.at(-1);
    if (last === undefined) return ids;
    after = `(${last[0]}`;
    for (const [id, fields] of raw) {
      const entry = parseEntry(Number.parseInt(id, 10), fields[1] ?? '', fields[3] ?? '');
      if (entry !== null) ids.add(nameOf(entry));
    }
  }
}

function nameOf(entry: IntakeEntry): string {
  return isReserve(entry) ? entry.ticketId : `${entry.ticketId} ${entry.id}`;
}

function entriesOf(
  ticketId: string,
  saleId: string,
  record: string,
): { place: [number, number]; entry: IntakeEntry }[] {
  const ticket = ticketOf(ticketId, saleId, '', 0, record);
  if (ticket === null || !(standing.has(ticket.status) || ticket.status === 'cancelled')) return [];
  const { status, buyerId, lines, reservedAt: at, seq } = ticket;
  const place: [number, number] = [Number.parseInt(ticket.receipt, 10), seq];
  const base = { seq, ticketId, at, tip: '' };
  const asked = status === 'lobby' ? 'join' : buyerId === house ? 'withdraw' : 'reserve';
  const admitted = status !== 'waitlisted' && status !== 'lobby';
  const entries: IntakeEntry[] = [];
  if (standing.has(status))
    entries.push({
      ...base,
      kind: asked,
      id: ticketId,
      admitted,
      buyerId,
      lines,
      idempotencyKey: null,
      fingerprint: null,
    });
  for (const [id, outcome] of Object.entries(ticket.outcomes)) {
    const kind = id.slice(0, id.indexOf('.'));
    if (outcome !== 'ok' || (kind !== 'confirm' && kind !== 'cancel' && kind !== 'extend')) continue;
    entries.push({ ...base, kind, id, admitted: false, paymentRef: null, seconds: null, reason: null });
  }
  return entries.map((entry) => ({ place, entry }));
}

/** So that a buyer who asks again with the same Idempotency-Key has the same ticket. */
async function addKeys(redis: Redis, keys: SaleKeys, entries: readonly IntakeEntry[]): Promise<void> {
  const byTicket = new Map(entries.filter(isReserve).map((entry) => [entry.ticketId, entry]));
  if (byTicket.size === 0) return;
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscan(keys.buyers, cursor, 'MATCH', 'k:*', 'COUNT', pieceSize);
    cursor = next;
    for (let index = 0; index + 1 < flat.length; index += 2) {
      const [ticketId = '', fingerprint = ''] = (flat[index + 1] as string).split(' ');
      const entry = byTicket.get(ticketId);
      if (entry === undefined) continue;
      const [, key = ''] = (flat[index] as string).split('\n');
      entry.idempotencyKey = key;
      entry.fingerprint = fingerprint === '' ? null : fingerprint;
    }
  } while (cursor !== '0');
}
