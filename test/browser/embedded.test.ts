import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { freePort } from '@holdfast/runtime/local-stores';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoSale } from '../../apps/cli/src/demo-sale.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { act, openShop, screen, type Shop, soon, words } from './shop.ts';

const secret = 'a secret for tests, long enough for HS256';

let shop: Shop;
let edge: EdgeProcess;
let merchant: { url: string; process: ChildProcess };

beforeAll(async () => {
  shop = await openShop();
  await shop.open({ id: demoSale.id, items: demoSale.items });
  const port = await freePort(0, '127.0.0.1');
  edge = await startEdge({
    REDIS_URL: shop.redis.url,
    BUYER_AUTH: 'jwt',
    BUYER_TOKEN_SECRET: secret,
    CORS_ORIGINS: `http://127.0.0.1:${port}`,
    CHALLENGE_SECRET: 'another secret for tests, long enough',
  });
  merchant = await openMerchant(port);
}, 400_000);

afterAll(async () => {
  merchant.process.kill();
  await edge.kill();
  await shop.close();
});

/** The example as its first lines say that it is run. */
async function openMerchant(port: number) {
  const env = {
    PATH: process.env['PATH'],
    BUYER_TOKEN_SECRET: secret,
    EDGE_URL: edge.url,
    PORT: String(port),
  };
  const child = spawn(process.execPath, ['examples/button/shop.ts'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url !== undefined) return { url, process: child };
  }
  throw new Error('the example did not open');
}

describe('the button in a page of another site', () => {
  it('buys with the token that the shop signed, and the buyer is the shop’s customer', () =>
    shop.visit(async (person) => {
      const page = await person.open(merchant.url);
      await act(page, 'reserve').click();
      await screen(page, 'held');
      await act(page, 'confirm').click();
      await screen(page, 'bought');
      const [cookie] = await person.context.cookies();
      const [row] = await shop.rows<{ buyer_id: string }>(
        "select buyer_id from reservations where sale_id = 'demo'",
      );
      expect(row?.buyer_id).toBe(cookie?.value);
    }));

  it('follows the language of the page, also when it changes, and its colours', () =>
    shop.visit(async (person) => {
      const page = await person.open(merchant.url);
      await screen(page, 'offer');
      await page.evaluate(() => {
        document.documentElement.lang = 'ja';
      });
      await soon(() => act(page, 'reserve').textContent()).toBe('購入する');
      const colour = await act(page, 'reserve').evaluate(
        (button) => getComputedStyle(button).backgroundColor,
      );
      expect(colour).toBe('rgb(11, 110, 79)');
    }));

  it('says to sign in where the shop knows nobody', () =>
    shop.visit(async (person) => {
      const page = await person.context.newPage();
      await page.route('**/token', (route) => route.fulfill({ status: 200, body: 'no.token.atall' }));
      await page.goto(merchant.url);
      await act(page, 'reserve').click();
      await soon(() => words(page)).toContain('Sign in at the shop first.');
    }));

  it('does the work that a sale asks for, with a file that nobody else loads', () =>
    shop.visit(async (person) => {
      const page = await person.open(merchant.url);
      await screen(page, 'offer');
      const loaded: string[] = [];
      page.on('request', (request) => void loaded.push(new URL(request.url()).pathname));
      const challenge = { kind: 'proof_of_work', difficulty: 50 } as const;
      expect(await shop.desk.change(demoSale.id, { challenge }, null)).toMatchObject({ kind: 'done' });
      await act(page, 'reserve').click();
      await screen(page, 'held');
      expect(loaded.filter((path) => path.includes('challenge'))).toEqual([
        '/holdfast-challenge.js',
        '/v1/sales/demo/challenge',
      ]);
    }));
});
