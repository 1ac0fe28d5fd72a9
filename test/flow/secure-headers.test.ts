/** What every answer of edge and console says to a browser, whatever it is: the table is made of the routes themselves. */
import { closeHttpServer, openHttpServer } from '@holdfast/runtime';
import { createPaymentProvider } from '@holdfast/payments';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp, routesOf } from '../../apps/console/src/app.ts';
import { createConsoleServer } from '../../apps/console/src/server.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type House, openHouse } from '../support/house.ts';
import { type RawAnswer, rawRequest } from '../support/raw-request.ts';
import { builtSite } from '../support/site.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

interface Route {
  method: string;
  path: string;
}

/** Every header on every answer; a page may say more precisely what it needs, never that everything goes. */
function expectShut({ headers }: RawAnswer, what: string): void {
  expect(headers['x-content-type-options'], what).toBe('nosniff');
  expect(headers['content-security-policy'], what).toMatch(/^default-src 'none'; .*frame-ancestors 'none'/);
  expect(headers['content-security-policy'], what).not.toMatch(/\*|unsafe-eval|script-src[^;]*unsafe/);
  expect(headers['referrer-policy'], what).toMatch(/^(no-referrer|strict-origin-when-cross-origin)$/);
  expect(headers['cross-origin-opener-policy'], what).toMatch(/^same-origin(-allow-popups)?$/);
  expect(headers['cross-origin-resource-policy'], what).toMatch(/^(same-origin|cross-origin)$/);
  expect(headers['strict-transport-security'], what).toBeUndefined();
  expect(headers['x-powered-by'], what).toBeUndefined();
  expect(headers['server'], what).toBeUndefined();
}

const shared = new Set<string>();

async function expectAllShut(port: number, routes: Route[], headers: Record<string, string>): Promise<void> {
  expect(routes.length).toBeGreaterThan(15);
  for (const { method, path } of routes) {
    const asked = path.replaceAll(/:\w+(\{[^}]*\})?/g, 'nothing').replaceAll('*', 'nothing');
    for (const verb of new Set([method, 'OPTIONS', 'DELETE'])) {
      const answer = await rawRequest(port, verb, asked, headers);
      expectShut(answer, `${verb} ${path}`);
      if (answer.headers['cross-origin-resource-policy'] === 'cross-origin') shared.add(asked);
      const secure = await rawRequest(port, verb, asked, { ...headers, 'X-Forwarded-Proto': 'https' });
      expect(secure.headers['strict-transport-security'], `${verb} ${path}`).toBe('max-age=31536000');
    }
  }
  expectShut(await rawRequest(port, 'GET', '/no/such/address', headers), 'an unknown address');
  expectShut(await rawRequest(port, 'GET', '/', { Host: 'not a host' }), 'a request without a sensible host');
  expectShut(await rawRequest(port, 'POST', '/v1/sales', { Expect: 'the impossible' }), 'an expectation');
  expectShut(await rawRequest(port, 'GET', '/', { 'X-Large': 'x'.repeat(20_000) }), 'too many headers');
}

describe('the edge', () => {
  let house: EdgeHouse;
  let ticketId: string;

  beforeAll(async () => {
    const site = await builtSite();
    house = await openEdgeHouse({ site, payments: await createPaymentProvider({ kind: 'fake' }) });
    const saleId = await house.open();
    const answer = await fetch(`${house.url}/v1/sales/${saleId}/reservations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ buyerId: 'ann' }),
    });
    ticketId = ((await answer.json()) as { id: string }).id;
  }, 60_000);
  afterAll(() => house.close());

  it('shuts every answer of every route, and asks for https only where it is there', async () => {
    const routes = house.routes.map(({ method, path }) => ({ method, path }));
    await expectAllShut(house.port, routes, {});
    expectShut(await rawRequest(house.port, 'GET', `/v1/tickets/${ticketId}`), 'a ticket');
    expectShut(await rawRequest(house.port, 'GET', '/v1/sales/sale-1'), 'a sale');
  });

  it('lets other sites have what the button is made of, and nothing else', () => {
    expect([...shared]).toContain('/holdfast-buy.js');
    const files = [...shared].filter(
      (path) => !/^\/(assets\/|pictures\/|holdfast-buy|favicon|[\w-]+\.)/.test(path),
    );
    expect(files).toEqual([]);
  });
});

describe('the console', () => {
  let house: House;
  let close: () => Promise<void>;
  let port: number;
  let routes: Route[];

  beforeAll(async () => {
    house = await openHouse({ workers: 0, edges: 0 });
    const app = await openConsoleApp(house);
    routes = routesOf(app.parts).map(({ method, path }) => ({ method, path }));
    const server = createConsoleServer(createApp(app.parts).fetch);
    port = await openHttpServer(server, 0, '127.0.0.1');
    close = async () => {
      await closeHttpServer(server);
      await app.close();
      await house.close();
    };
  });
  afterAll(() => close());

  it.each([
    ['without a key', {}],
    ['with a key', { Authorization: `Bearer ${adminKey}` }],
  ])(
    'shuts every answer of every route %s, and asks for https only where it is there',
    async (_, headers) => {
      await expectAllShut(
        port,
        routes.filter(({ path }) => !path.endsWith('/events')),
        headers as Record<string, string>,
      );
    },
  );
});
