import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type FaultyLine, openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, openTees } from '../support/sales.ts';

describe('when an edge is killed', () => {
  let house: House;
  let line: FaultyLine;
  let doomed: EdgeProcess;
  let other: EdgeProcess;

  beforeEach(async () => {
    house = await openHouse({ edges: 0 });
    line = await openFaultyLine(Number(new URL(house.redis.url).port));
    doomed = await startEdge({ REDIS_URL: `redis://127.0.0.1:${line.port}` });
    other = await startEdge({ REDIS_URL: house.redis.url });
  }, 60_000);
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
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ status: 'held', seq: 1 });
    expect((await buy(other, sale, 'the-next')).status, 'and it is the only one').toBe(409);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  }, 30_000);
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
