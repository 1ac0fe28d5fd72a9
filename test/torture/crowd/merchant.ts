/** The merchant of a round: opens sales, restocks, withdraws, pauses, gives more time, closes; each with a key, until answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from '../history.ts';
import type { Random } from '../random.ts';
import type { Ask } from './ask.ts';
import type { Good } from './goods.ts';

export interface Merchant {
  open(good: Good): Promise<void>;
  /** Something that merchants do in the middle of a sale. */
  meddle(good: Good, random: Random): Promise<void>;
  resume(good: Good): Promise<void>;
  close(good: Good): Promise<void>;
}

let calls = 0;

export function createMerchant(consoleUrl: string, adminKey: string, runId: string, ask: Ask): Merchant {
  const headers = { Authorization: `Bearer ${adminKey}` };

  function call(good: Good, name: string, path: string, body: object): Promise<Operation> {
    calls += 1;
    const question = { op: 'merchant', saleId: good.saleId, key: `${runId}-${calls}`, call: name } as const;
    return ask.patiently([consoleUrl], question, { method: 'POST', path, body, headers });
  }

  async function must(good: Good, name: string, path: string, body: object): Promise<void> {
    const answer = await call(good, name, path, body);
    if (answer.status === null || answer.status >= 300)
      throw new Error(
        `The console did not ${name} ${good.saleId}: ${answer.status} ${JSON.stringify(answer.body)}`,
      );
  }

  const move = (good: Good, verb: string) => call(good, verb, `/v1/sales/${good.saleId}/${verb}`, {});
  return {
    open: (good) =>
      must(good, 'create', '/v1/sales', {
        id: good.saleId,
        name: `Round of ${good.kind}`,
        status: 'open',
        holdSeconds: good.holdSeconds,
        perBuyerLimit: good.perBuyerLimit,
        waitlist: good.waitlist,
        items: good.items,
      }),
    async meddle(good, random) {
      const what = random.next();
      const stock = `/v1/sales/${good.saleId}/items/${random.pick(good.items).sku}/stock`;
      if (what < 0.5) await call(good, 'restock', stock, { delta: random.whole(1, 12) });
      else if (what < 0.7) await call(good, 'withdraw', stock, { delta: -random.whole(1, 3) });
      else if (what < 0.85) {
        await move(good, 'pause');
        await sleep(random.between(100, 1_500));
        await move(good, 'resume');
      } else
        await call(good, 'extend-holds', `/v1/sales/${good.saleId}/extend-holds`, {
          seconds: random.whole(1, 3),
        });
    },
    async resume(good) {
      await move(good, 'resume');
    },
    close: (good) => must(good, 'close', `/v1/sales/${good.saleId}/close`, {}),
  };
}
