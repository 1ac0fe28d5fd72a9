import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type FaultyLine, openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, openTees, until } from '../support/sales.ts';

describe('when an edge is killed', () => {
  let house: House;
  let line: FaultyLine;
  let doomed: EdgeProcess;
  let other: EdgeProcess;

  beforeEach(async () => {
    house = await openHouse({ edges: 0 });
    line = await openFaultyLine(Number(new URL(house.redis.url).port));
    [doomed, other] = await Promise.all([
      startEdge({ REDIS_URL: `redis://127.0.0.1:${line.port}` }),
      startEdge({ REDIS_URL: house.redis.url }),
    ]);
  }, 90_000);
  afterEach(async () => {
    await doomed.kill();
    await other.kill();
    await line.close();
    await house.close();
  });

  it('F02: before its script reached the gate, nothing was taken: the buyer asks elsewhere, and the last unit is still there', async () => {
    const sale = await openTees(house, 1, { perBuyerLimit: 1 });
    await atRest(house, sale);
    const before = await house.gate.counts(sale, 0);
    const onItsWay = line.loseMessage('the-buyer-who-asks');
    const asking = expect(buy(doomed, sale, 'the-buyer-who-asks')).rejects.toThrow('fetch failed');
    await onItsWay;
    await doomed.kill();
    await asking;
    const after = await house.gate.counts(sale, 0);
    expect({ ...after, now: 0 }, 'seq, counters and intake are as they were').toEqual({ ...before, now: 0 });
    const answer = await buy(other, sale, 'the-buyer-who-asks');
    expect(answer.status).toBeLessThan(300);
    expect(await answer.json()).toMatchObject({ seq: 1 });
    expect((await buy(other, sale, 'the-next')).status, 'and it is the only one').toBe(409);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  }, 90_000);

  it('F04: after its script and before its answer, the unit is a hold all the same; nobody comes, it lapses and is back on sale, and the buyer who asks again finds the ticket', async () => {
    const sale = await openTees(house, 1, { holdSeconds: 1 });
    const answered = line.loseReplyTo('the-buyer-who-asks');
    const asking = expect(buy(doomed, sale, 'the-buyer-who-asks')).rejects.toThrow('fetch failed');
    await answered;
    await doomed.kill();
    await asking;
    await until('the hold to lapse', async () => {
      const journal = await house.ledger.journal(sale, 0, 100);
      return journal.some(({ type }) => type === 'expired');
    });
    expect(await expectConservation(house, sale)).toEqual({ tee: { expired: 1 } });
    const again = await buy(other, sale, 'the-buyer-who-asks');
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await again.json()).toMatchObject({ status: 'expired', seq: 1 });
    await house.desk.change(sale, { holdSeconds: 300 }, null);
    expect((await buy(other, sale, 'the-next')).status).toBeLessThan(300);
    expect(await expectConservation(house, sale)).toEqual({ tee: { expired: 1, held: 1 } });
  }, 90_000);
});

function buy(edge: EdgeProcess, sale: string, buyerId: string): Promise<Response> {
  return fetch(`${edge.url}/v1/sales/${sale}/reservations`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'Idempotency-Key': 'the same each time',
      Prefer: 'wait=10',
    },
    body: JSON.stringify({ buyerId }),
    signal: AbortSignal.timeout(20_000),
  });
}
