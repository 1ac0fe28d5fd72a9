import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchange, malformedRequests, mark } from '../support/malformed.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

const requests = 10_000;
const connections = 32;

let house: EdgeHouse;
let saleId: string;

beforeAll(async () => {
  house = await openEdgeHouse();
  saleId = await house.open();
}, 60_000);

afterAll(() => house.close(), 30_000);

test('10,000 malformed requests: none is a fault, none takes a unit, none sees again what it sent', async () => {
  const bodies = malformedRequests(requests, 20_261_121);
  const statuses = new Map<number, number>();
  let next = 0;
  async function worker(): Promise<void> {
    while (next < bodies.length) {
      const sent = bodies[next++] as Buffer;
      const answer = await exchange(house.port, sent);
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status < 400 || status >= 500 || answer.includes(mark))
        expect.fail(`${sent.toString('latin1').slice(0, 500)}\n\nwas answered\n\n${answer.slice(0, 1000)}`);
      expect(answer).toMatch(/\r\nX-Request-Id: \S+/i);
      expect(answer).toMatch(/\r\nServer-Timing: edge;dur=/i);
    }
  }
  await Promise.all(Array.from({ length: connections }, worker));

  for (const status of [400, 404, 405, 413, 415, 422]) expect(statuses.get(status) ?? 0).toBeGreaterThan(50);
  const sale = (await (await fetch(`${house.url}/v1/sales/${saleId}`)).json()) as {
    items: { available: number }[];
  };
  expect(sale.items[0]?.available).toBe(10);
  expect((await house.ledger.readSale(saleId))?.items.get('tee')).toMatchObject({ taken: 0, returned: 0 });
  expect(house.logged.filter((line) => line.startsWith('A request failed'))).toEqual([]);
}, 120_000);
