/**
 * Whether an exported journal is true, from the export alone. Written apart from what made it: nothing here is shared
 * with ledger, gate, core or contracts, and no database is asked.
 */
import { hash } from 'node:crypto';
import { readLine, start } from './line.ts';
import { createReplay, UnknownKind } from './replay.ts';

export interface Against {
  /** A head that was published: one of the export's hashes, or the export is of another journal. */
  head?: string | undefined;
  /** Receipts that buyers were given: each must be a place in this journal. */
  receipts?: readonly string[] | undefined;
  /** Whose places these are: with the keys, by position, that only the ledger of the sale has. */
  buyer?: { id: string; keysOf(saleId: string): Promise<ReadonlyMap<number, string>> } | undefined;
}

/** `unreadable`: no export of a journal at all, or of one that this program is too old for. */
export interface Verdict {
  kind: 'true' | 'false' | 'unreadable';
  /** One sentence; of a false one, it names the first line that is wrong. */
  why: string;
}

/** `lines` without their line feeds; the last is the empty one behind the last line feed. */
export async function checkExport(
  lines: AsyncIterable<string> | Iterable<string>,
  { head, receipts = [], buyer }: Against = {},
): Promise<Verdict> {
  const replay = createReplay();
  const missing = new Set(receipts);
  let previous = start;
  let saleId: string | null = null;
  let keys: ReadonlyMap<number, string> = new Map();
  let places = 0;
  let number = 0;
  let events = 0;
  let headAt = head === start ? 0 : null;
  let ended = false;
  let closed = false;
  const wrong = (why: string): Verdict => ({ kind: 'false', why: `Line ${number}: ${why}.` });

  for await (const line of lines) {
    number += 1;
    if (closed) return wrong('something follows the end');
    if (ended) {
      if (line !== '') return wrong('something follows the last line');
      closed = true;
      continue;
    }
    const found = readLine(line, previous);
    if (found === null)
      return number === 1
        ? { kind: 'unreadable', why: 'This is no export of a journal.' }
        : wrong('it is not written as an export writes it');
    if (saleId === null) {
      saleId = found.saleId;
      keys = (await buyer?.keysOf(saleId)) ?? keys;
    }
    if (found.saleId !== saleId) return wrong('it is of another sale');
    if ('count' in found) {
      if (found.count !== events) return wrong(`it says ${found.count} events, and there are ${events}`);
      if (found.head !== previous) return wrong('its head is not the hash of the last event');
      ended = true;
      continue;
    }
    if (found.position !== events + 1)
      return wrong(`position ${found.position} stands where ${events + 1} should`);
    if (found.hash !== found.claimed)
      return wrong('its hash does not follow from what it says and the hash before');
    previous = found.hash;
    events += 1;
    if (previous === head) headAt = events;
    try {
      const fault = replay.follow(found);
      if (fault !== null) return wrong(fault);
    } catch (error) {
      if (!(error instanceof UnknownKind)) throw error;
      return { kind: 'unreadable', why: `Line ${number} is of a kind that this program does not know.` };
    }
    const key = keys.get(found.position);
    if (key !== undefined && buyer !== undefined) {
      if (found.data['buyer'] !== sealOf(key, buyer.id))
        return wrong('the place is sealed for another buyer');
      places += 1;
    }
    const place = replay.place();
    if (place !== null) missing.delete(place);
  }
  number += 1;
  if (number === 1) return { kind: 'unreadable', why: 'This is no export of a journal.' };
  if (!closed) return wrong('the export is cut off here');
  number -= 1;
  if (head !== undefined && headAt === null)
    return wrong('none of the hashes up to here is the published head');
  const [receipt] = missing;
  if (receipt !== undefined)
    return wrong(`no place up to here is that of receipt ${receipts.indexOf(receipt) + 1}`);
  const held = headAt === null ? '' : ` The published head is that of event ${headAt}.`;
  return {
    kind: 'true',
    why: `True: ${events} events of ${replay.tickets()} tickets, head ${previous}.${held}${placesOf(places, buyer)}`,
  };
}

function placesOf(places: number, buyer: Against['buyer']): string {
  return buyer === undefined ? '' : ` Places of that buyer: ${places}.`;
}

/** What the journal says of a buyer: 132 bits of SHA-256 over the key of the event and the name. */
function sealOf(key: string, buyerId: string): string {
  return hash('sha256', `${key}${buyerId}`, 'base64url').slice(0, 22);
}
