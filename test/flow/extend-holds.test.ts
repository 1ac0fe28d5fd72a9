import { createCommitter, createDesk } from '@holdfast/pipeline';
import { shardOf } from '@holdfast/gate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, Killed } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { buyMany, openTees, until, untilDue } from '../support/sales.ts';

describe('more time for everybody', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('moves the deadline of every open hold, and costs no buyer an extension', async () => {
    const sale = await openTees(house, 5, { holdSeconds: 300, extension: { times: 1, totalSeconds: 60 } });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    const cem = await reserve(house.edge, sale, 'cem');
    await tell(house.edge, bob, 'confirm');
    await tell(house.edge, cem, 'cancel');
    await house.commit(sale);
    const before = await read(house.edge, ann);
    expect(await house.desk.extendHolds(sale, 600, null)).toMatchObject({ kind: 'done' });
    const after = await read(house.edge, ann);
    expect(after.expiresAt).toBe((before.expiresAt ?? 0) + 600_000);
    expect(after.version).toBe(before.version + 1);
    expect(await statuses(house.edge, bob, cem)).toEqual(['confirmed', 'cancelled']);
    await tell(house.edge, ann, 'extend', { seconds: 60 });
    await house.commit(sale);
    expect((await read(house.edge, ann)).expiresAt).toBe((before.expiresAt ?? 0) + 660_000);
    await expectConservation(house, sale);
  });

  it('does not bring back a hold that was over', async () => {
    const sale = await openTees(house, 1, { holdSeconds: 1 });
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await untilDue(house, sale);
    await house.desk.extendHolds(sale, 600, null);
    await house.commit(sale);
    expect(await statuses(house.edge, ann)).toEqual(['expired']);
  });

  it('is given once per request, also when it was cut off between two pieces', async () => {
    const sale = await openTees(house, 1_200);
    await buyMany(house.edge, sale, 'b', 1_200);
    await house.commit(sale);
    const desk = createDesk({
      ledger: dying(house.ledger, 'commitRun', 'after'),
      gate: house.gate,
      committer: createCommitter(house),
      log: house.log,
      secret: 'for tests',
      shardOf: (saleId) => shardOf(saleId, 1),
    });
    const request = { key: `more ${sale}`, fingerprint: 'f' };
    await expect(desk.extendHolds(sale, 60, request)).rejects.toThrow(Killed);
    const prolonged = () =>
      house.rows<{ count: string; most: string }>(
        `select count(*), max(times) as most from
           (select ticket_id, count(*) as times from events where sale_id = $1 and type = 'prolonged' group by 1) t`,
        [sale],
      );
    expect((await prolonged())[0]).toMatchObject({ count: '1000' });
    for (let press = 0; press < 2; press++)
      expect(await house.desk.extendHolds(sale, 60, request)).toMatchObject({ kind: 'done' });
    expect((await prolonged())[0]).toEqual({ count: '1200', most: '1' });
    await expectConservation(house, sale);
  });

  it('keeps the holds through an outage that is longer than they last', async () => {
    const sale = await openTees(house, 1, { holdSeconds: 2 });
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const first = (await read(house.edge, ann)).expiresAt ?? 0;
    await house.desk.extendHolds(sale, 3_600, null);
    await until(
      'the first deadline',
      async () => ((await house.gate.peek([sale])).get(sale)?.now ?? 0) > first,
    );
    await house.commit(sale);
    await tell(house.edge, ann, 'confirm');
    await house.commit(sale);
    expect(await statuses(house.edge, ann)).toEqual(['confirmed']);
  });

  it('is refused for a sale that is over or unknown', async () => {
    const sale = await openTees(house, 1);
    await house.desk.move(sale, 'cancel', null);
    expect(await house.desk.extendHolds(sale, 60, null)).toMatchObject({ code: 'invalid_transition' });
    expect(await house.desk.extendHolds('no-such-sale', 60, null)).toMatchObject({ code: 'unknown_sale' });
  });
});
