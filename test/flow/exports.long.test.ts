/** Exports as large as a sale gets, over the real server: in bounded memory, at the reader's pace, and over when the reader goes. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCursor } from '@holdfast/contracts';
import { createApp } from '../../apps/console/src/app.ts';
import { createConsoleServer } from '../../apps/console/src/server.ts';
import { closeHttpServer, openHttpServer } from '@holdfast/runtime';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type House, openHouse } from '../support/house.ts';
import { writeMany } from '../support/many-reservations.ts';
import { openTees, until } from '../support/sales.ts';

const count = 200_000;
const megabyte = 1024 * 1024;
// The last quarter is enough to see that lines of JSON come by the same way.
const fromThere = `?cursor=${makeCursor([1, 0.75 * count])}`;
const exportsOf: [name: string, path: string, accept: string, pages: number, lines: number][] = [
  ['reservations as CSV', 'reservations', 'text/csv', count / 1_000, count + 1],
  ['reservations as NDJSON', `reservations${fromThere}`, 'application/x-ndjson', count / 4_000, 0.25 * count],
  ['the journal', 'journal', '*/*', count / 2_000, count + 3],
];

let house: House;
let consoleApp: Awaited<ReturnType<typeof openConsoleApp>>;
let server: ReturnType<typeof createConsoleServer>;
let port: number;
let saleId: string;
/** What the server asked of the ledger, and how many of its reads of a journal were ended. */
let asked = 0;
let ended = 0;

beforeAll(async () => {
  house = await openHouse({ workers: 0 });
  consoleApp = await openConsoleApp(house);
  saleId = await openTees(house, 1);
  await writeMany(house, saleId, { count, days: 1, items: 5 });
  const { ledger } = house;
  const counting: typeof ledger = {
    ...ledger,
    reservationsPage: (...args) => {
      asked += 1;
      return ledger.reservationsPage(...args);
    },
    async *journalRows(...args) {
      try {
        for await (const rows of ledger.journalRows(...args)) {
          asked += 1;
          yield rows;
        }
      } finally {
        ended += 1;
      }
    },
  };
  server = createConsoleServer(createApp({ ...consoleApp.parts, ledger: counting }).fetch, 2_500);
  port = await openHttpServer(server, 0, '127.0.0.1');
}, 180_000);

afterAll(async () => {
  await closeHttpServer(server);
  await consoleApp.close();
  await house.close();
});

async function open(path: string, accept: string): Promise<IncomingMessage> {
  asked = 0;
  ended = 0;
  const headers = { Authorization: `Bearer ${adminKey}`, Accept: accept };
  const request = get({
    host: '127.0.0.1',
    port,
    path: `/v1/sales/${saleId}/${path}`,
    headers,
    agent: false,
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  return response;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is still in use when all that can go has gone. */
function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('an export of 200,000 reservations', () => {
  it.each(exportsOf)(
    '%s is whole, needs no more memory than a page, and goes at the reader’s pace',
    async (_, path, accept, pages, lines) => {
      const before = heapInUse();
      const response = await open(path, accept);
      let [bytes, lineEnds, most, measuredAt, rested] = [0, 0, 0, 0, false];
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lineEnds += 1;
        if (bytes - measuredAt < 2 * megabyte) continue;
        measuredAt = bytes;
        most = Math.max(most, heapInUse() - before);
        if (rested) continue;
        // While nothing is read here, nothing is read there: what is on its way is bounded.
        await standsStill();
        expect(asked).toBeLessThan(0.75 * pages);
        rested = true;
      }
      expect(lineEnds).toBe(lines);
      expect(bytes).toBeGreaterThan(20 * megabyte);
      expect(most, `${Math.round(most / megabyte)} MB of ${Math.round(bytes / megabyte)}`).toBeLessThan(
        12 * megabyte,
      );
      expect(asked).toBeGreaterThanOrEqual(pages);
    },
    120_000,
  );

  it.each(exportsOf)(
    '%s ends with its reader',
    async (_, path, accept, pages) => {
      const response = await open(path, accept);
      await once(response, 'data');
      response.destroy();
      await standsStill();
      if (path === 'journal') await until('the read to be ended', async () => ended === 1);
      expect(asked).toBeLessThan(0.75 * pages);
      await until('the connection to be closed', () => connections().then((open) => open === 0));
    },
    60_000,
  );

  it('does not wait for ever for one who has stopped reading', async () => {
    const response = await open('journal', '*/*');
    response.pause();
    const closed = once(response, 'close').catch(() => undefined);
    await until('the reader to be given up', async () => ended === 1, 30_000);
    response.resume();
    await closed;
    expect(response.complete).toBe(false);
  }, 60_000);

  /** No page was asked for between two looks that are many pages apart. */
  async function standsStill(): Promise<void> {
    let [before, looks] = [-1, 0];
    await until(
      'the ledger to be left alone',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        looks = asked === before ? looks + 1 : 0;
        before = asked;
        return looks > 10;
      },
      30_000,
    );
  }

  function connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      server.getConnections((error, open) => (error === null ? resolve(open) : reject(error)));
    });
  }
});
