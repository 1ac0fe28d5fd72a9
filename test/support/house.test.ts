import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from './house.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse({ workers: 2, edges: 2 });
});
afterAll(() => house.close());

test('a reservation taken by one edge is held by a worker, in a row of the ledger', async () => {
  const saleId = await house.openSale();
  const answer = await house.edge.reserve({
    saleId,
    buyerId: 'ada',
    lines: [{ sku: 'tee', quantity: 2 }],
    idempotencyKey: null,
  });
  if (answer.kind === 'refused') throw new Error(answer.code);
  await expect
    .poll(() => house.rows('select status from reservations where sale_id = $1', [saleId]))
    .toEqual([{ status: 'held' }]);
});

test('what was held before a kill -9 of Redis is readable after its restart', async () => {
  const saleId = await house.openSale();
  const lines = [{ sku: 'tee', quantity: 1 }];
  const answer = await house.edge.reserve({ saleId, buyerId: 'ada', lines, idempotencyKey: null });
  if (answer.kind === 'refused') throw new Error(answer.code);
  await house.redis.kill();
  await house.redis.restart();
  const [, other] = house.edges;
  await expect
    .poll(
      async () => {
        const read = await other?.readTicket(answer.ticket.id);
        return read?.kind === 'ticket' ? read.ticket.status : 'unreadable';
      },
      { timeout: 10_000 },
    )
    .toBe('held');
});
