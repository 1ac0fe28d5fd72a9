import { type EdgeGate, type Refusal } from '@holdfast/core';
import { insist } from '../insist.ts';
import { allShards, bootKey, salesKey, shardOf } from '../keys.ts';
import { createLane, type Lane } from '../lane.ts';
import { type KnownSale, readSale } from '../sale-reader.ts';
import { closed, type EdgeParts, maxWaiting } from './parts.ts';

/** The sales of the gate, as they were last read. */
export interface KnownSales {
  /** Without a question; undefined when it was not read yet, or is out of date. */
  get(saleId: string): KnownSale | undefined;
  lookUp(saleId: string): Promise<KnownSale | Refusal>;
  /** It is read again before the next request. */
  forget(saleId: string): void;
  /** All that buyers may see. */
  list(): ReturnType<EdgeGate['listSales']>;
  /** Entries that waited for the ledger at the last reads. */
  waiting(): number;
}

export function createKnownSales(
  { redis, run, shards, deadlineMs, answerWithinMs, bound, unavailable }: EdgeParts,
  onKnown: (saleId: string, sale: KnownSale) => void,
): KnownSales {
  const sales = new Map<string, KnownSale>();
  const saleLanes = new Map<string, Lane<null, KnownSale | Refusal>>();

  /** Everyone who asks before a read is sent shares it; nobody gets an answer that is older than the question. */
  async function lookUp(saleId: string): Promise<KnownSale | Refusal> {
    let lane = saleLanes.get(saleId);
    if (lane === undefined) {
      lane = createLane({
        maxBatch: maxWaiting,
        maxInFlight: 2,
        maxWaiting,
        deadlineMs: answerWithinMs,
        send: (asking, timeLeftMs) => readFor(saleId, asking.length, timeLeftMs),
      });
      saleLanes.set(saleId, lane);
    }
    const answer = await lane.add(null).catch(unavailable);
    if ('kind' in answer) {
      sales.delete(saleId);
      saleLanes.delete(saleId);
    } else {
      sales.set(saleId, answer);
      onKnown(saleId, answer);
    }
    return answer;
  }

  async function readFor(
    saleId: string,
    asking: number,
    timeLeftMs: number,
  ): Promise<(KnownSale | Refusal)[]> {
    const answer = await insist(Math.min(deadlineMs, timeLeftMs), 'Reading a sale', () =>
      readSale(run, shardOf(saleId, shards), saleId),
    );
    return Array.from({ length: asking }, () => answer);
  }

  async function list(): ReturnType<EdgeGate['listSales']> {
    const members = () =>
      Promise.all(
        allShards(shards).map((shard) =>
          Promise.all([redis.exists(bootKey(shard)), redis.smembers(salesKey(shard))]),
        ),
      );
    const found = await bound(() => insist(deadlineMs, 'Listing sales', members)).catch(unavailable);
    if ('kind' in found) return found;
    // An emptied Redis must not look like a shop without sales.
    if (found.some(([booted]) => booted === 0)) return closed;
    const ids = found.map(([, members]) => members);
    const answers = await Promise.all(ids.flat().sort().map(lookUp));
    const known: KnownSale[] = [];
    for (const answer of answers) {
      if (!('kind' in answer)) known.push(answer);
      else if (answer.code !== 'unknown_sale') return answer;
    }
    return { kind: 'sales', sales: known.map((sale) => sale.view).filter((view) => view.status !== 'draft') };
  }

  return {
    get: (saleId) => sales.get(saleId),
    lookUp,
    forget: (saleId) => void sales.delete(saleId),
    list,
    waiting() {
      let waiting = 0;
      for (const sale of sales.values()) waiting += sale.waiting;
      return waiting;
    },
  };
}
