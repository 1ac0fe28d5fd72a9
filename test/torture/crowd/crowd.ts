import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../random.ts';
import type { Good } from './goods.ts';
import type { Merchant } from './merchant.ts';
import type { Visit } from './visit.ts';

export interface Crowd {
  /** Nobody new comes; resolves when everybody has gone home and the merchant is at rest. */
  goHome(): Promise<void>;
}

/** Buyers of one sale who are there at the same time, at most. */
const atOnceMax = 60;
const meddleMs = [2_000, 8_000] as const;

let came = 0;

/** Visitors come to every sale, and its merchant meddles, until they are sent home. */
export function startCrowd(
  goods: readonly Good[],
  perSecond: number,
  visit: Visit,
  merchant: Merchant,
  random: Random,
): Crowd {
  const closing = new AbortController();
  const { signal } = closing;
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
  const there = new Set<Promise<void>>();

  async function comeAndGo(good: Good, own: Random): Promise<void> {
    const gap = (1_000 * goods.length) / perSecond;
    let here = 0;
    while (!signal.aborted) {
      await pause(own.between(0, 2 * gap));
      if (signal.aborted || here >= atOnceMax) continue;
      came += 1;
      here += 1;
      const one: Promise<void> = visit.come(good, came, own.branch(String(came))).finally(() => {
        here -= 1;
        there.delete(one);
      });
      there.add(one);
    }
  }

  async function meddling(good: Good, own: Random): Promise<void> {
    while (!signal.aborted) {
      await pause(own.between(...meddleMs));
      if (!signal.aborted) await merchant.meddle(good, own);
    }
  }

  const work = goods.flatMap((good) => [
    comeAndGo(good, random.branch(`visitors ${good.saleId}`)),
    meddling(good, random.branch(`merchant ${good.saleId}`)),
  ]);
  return {
    async goHome() {
      closing.abort();
      await Promise.all(work);
      await Promise.all(there);
    },
  };
}
