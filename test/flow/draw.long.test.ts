/** How long a large lobby takes to stand in line; the figure is printed, and judged by whoever reads it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { join, lobbyOf, orderOf, placesOf } from '../support/lobby.ts';
import { until } from '../support/sales.ts';

const members = 100_000;
const atOnce = 2_000;

let house: House;
beforeAll(async () => {
  house = await openHouse({ workers: 0 });
});
afterAll(() => house.close());

test('100,000 members of a lobby stand in the drawn order', async () => {
  const saleId = await lobbyOf(house, 1_000);
  for (let from = 0; from < members; from += atOnce) {
    const buyers = Array.from({ length: atOnce }, (_, index) => join(house.edge, saleId, `b${from + index}`));
    await Promise.all(buyers);
  }
  await house.commit(saleId);
  const startedAt = performance.now();
  const since = () => `${Math.round(performance.now() - startedAt)} ms`;
  const opened = house.desk.move(saleId, 'open', null);
  const revealed = until(
    'the draw',
    async () => (await house.ledger.readSale(saleId))?.sale.status === 'open' && since(),
    120_000,
  );
  const placed = until(
    'every place',
    async () => (await house.gate.peek([saleId])).get(saleId)?.placing === false && since(),
    120_000,
  );
  const report = `seed revealed after ${await revealed}, ${members} places given after ${await placed}`;
  await until(
    'every place to be decided',
    async () => {
      await house.commit(saleId);
      return (await house.ledger.readSale(saleId))?.placed === members;
    },
    300_000,
  );
  console.log(`${report}, all decided and durable after ${since()}`);
  expect(await opened).toMatchObject({ kind: 'done' });
  const order = await orderOf(house, saleId);
  expect(order).toHaveLength(members);
  expect(await placesOf(house, saleId)).toEqual(order);
});
