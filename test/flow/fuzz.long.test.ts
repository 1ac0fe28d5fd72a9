/** The same as `fuzz.test.ts`, for longer and against processes as they run in production. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type House, openHouse } from '../support/house.ts';
import { exchange, malformedRequests, mark } from '../support/malformed.ts';
import { openTees } from '../support/sales.ts';

const requests = Number(process.env['FUZZ_REQUESTS'] ?? 1_000_000);
const connections = 48;
/** Made and sent in pieces, so that the test itself needs little memory. */
const piece = 5_000;
/** Of all requests; by then everything is loaded, compiled and as large as it gets. */
const warmShare = 0.2;
const mayGrowBytes = 48 * 1024 * 1024;

let house: House;
let edges: EdgeProcess[];

beforeAll(async () => {
  house = await openHouse({ workers: 1, edges: 0 });
  // With little room their memory says something: otherwise it grows until collecting is worth the while.
  const env = {
    REDIS_URL: house.redis.url,
    NODE_OPTIONS: '--max-old-space-size=64',
    // Without pages, so that nothing of what is sent asks for one.
    SITE_DIR: '/nowhere',
  };
  edges = await Promise.all([startEdge(env), startEdge(env)]);
}, 60_000);

afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.kill()));
  await house.close();
}, 30_000);

test(`${requests} malformed requests: none is a fault, none takes a unit, none sees again what it sent, and memory does not grow`, async () => {
  const saleId = await openTees(house, 10);
  const statuses = new Map<number, number>();
  const memory = () => edges.map((edge) => edge.residentBytes());
  let before: number[] | null = null;
  for (let from = 0; from < requests; from += piece) {
    if (before === null && from >= requests * warmShare) before = memory();
    const sent = malformedRequests(Math.min(piece, requests - from), 20_261_126 + from);
    let next = 0;
    const sendAll = async () => {
      while (next < sent.length) {
        const at = next++;
        const one = sent[at] as Buffer;
        const answer = await exchange((edges[at % edges.length] as EdgeProcess).port, one);
        const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status < 400 || status >= 500 || answer.includes(mark))
          expect.fail(`${one.toString('latin1').slice(0, 500)}\n\nwas answered\n\n${answer.slice(0, 1_000)}`);
      }
    };
    await Promise.all(Array.from({ length: connections }, sendAll));
  }
  const after = memory();
  const megabytes = (bytes: number[] | null) => bytes?.map((each) => Math.round(each / 1024 / 1024));
  console.log(
    `memory of the edges, MB: ${megabytes(before)} after ${warmShare * 100} %, ${megabytes(after)} at the end`,
  );
  console.log(`answers: ${[...statuses].map(([status, count]) => `${status} ${count}`).join(', ')}`);

  for (const [index, bytes] of after.entries())
    expect(bytes - (before?.[index] ?? 0)).toBeLessThan(mayGrowBytes);
  const sale = (await (await fetch(`${edges[0]?.url}/v1/sales/${saleId}`)).json()) as Shown;
  expect(sale.items[0]?.available).toBe(10);
  expect((await house.ledger.readSale(saleId))?.items.get('tee')).toMatchObject({ taken: 0, returned: 0 });
  for (const edge of edges) expect(edge.log()).not.toContain('A request failed');
}, 7_200_000);

interface Shown {
  items: { available: number }[];
}
