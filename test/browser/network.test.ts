import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEdge } from '../support/edge-process.ts';
import { emptyRedis } from '../support/damage.ts';
import { openFaultyLine } from '../support/faulty-line.ts';
import { until } from '../support/sales.ts';
import { act, openShop, screen, type Shop, soon, tees, words } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
}, 400_000);

afterAll(() => shop.close());

describe('a buyer whose network is what networks are', () => {
  it('sees the last that was known while it is cut, is told so, and the truth when it is back', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const line = await openFaultyLine(shop.port);
      const page = await person.open(`http://127.0.0.1:${line.port}/?sale=${saleId}`);
      await screen(page, 'offer');
      line.cut();
      await soon(() => words(page)).toContain('No connection. What you see is from');
      await shop.takeAway(saleId, 3);
      expect(await words(page)).toContain('10 of 10 left');
      line.heal();
      await soon(() => words(page)).toBe('€49.00 | 7 of 10 left');
      await line.close();
    }));

  it('keeps a hold through a cut, with its clock running, and pays when it is back', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const line = await openFaultyLine(shop.port);
      const page = await person.open(`http://127.0.0.1:${line.port}/?sale=${saleId}`);
      await act(page, 'reserve').click();
      await screen(page, 'held');
      line.cut();
      await soon(() => words(page)).toContain('No connection');
      const clock = page.locator('holdfast-buy [role=timer]');
      const before = await clock.textContent();
      await soon(() => clock.textContent()).not.toBe(before);
      line.heal();
      await soon(() => words(page)).not.toContain('No connection');
      await act(page, 'confirm').click();
      await screen(page, 'bought');
      await line.close();
    }));

  it('presses in the dark, is told that there was no answer, presses again, and has one ticket', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'offer');
      // Requests arrive; answers do not, for longer than the button asks again by itself.
      let arrived = 0;
      let isDark = true;
      await page.route('**/reservations', async (route) => {
        if (!isDark) return route.continue();
        await route.fetch();
        arrived += 1;
        await route.abort();
      });
      await act(page, 'reserve').click();
      await soon(() => words(page)).toContain('you will not get two');
      expect(arrived).toBeGreaterThan(2);
      isDark = false;
      await act(page, 'reserve').click();
      await screen(page, 'held');
      const [row] = await shop.rows<{ count: string }>(
        'select count(*) from reservations where sale_id = $1',
        [saleId],
      );
      expect(row?.count).toBe('1');
    }));

  it('goes all the way by polling where event streams do not get through', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.context.newPage();
      await page.route('**/events', (route) => route.abort());
      await page.goto(shop.pageOf(saleId));
      await screen(page, 'offer');
      await shop.takeAway(saleId, 2);
      await soon(() => words(page)).toContain('8 of 10 left');
      await act(page, 'reserve').click();
      await screen(page, 'held');
      await act(page, 'confirm').click();
      await screen(page, 'bought');
    }));

  it('stays where it is when the edge is killed under an open stream, and goes on with the next one', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const settings = { REDIS_URL: shop.redis.url, LOG_LEVEL: 'info' };
      const first = await startEdge(settings);
      const page = await person.open(`${first.url}/?sale=${saleId}`);
      await act(page, 'reserve').click();
      await screen(page, 'held');
      await first.kill();
      await soon(() => words(page)).toContain('No connection');
      const second = await startEdge({ ...settings, EDGE_PORT: new URL(first.url).port });
      try {
        await soon(() => words(page)).not.toContain('No connection');
        const ticketId = await page.locator('holdfast-buy bdi.code').nth(1).textContent();
        await fetch(`${second.url}/v1/tickets/${ticketId}/cancel`, { method: 'POST' });
        await screen(page, 'cancelled');
      } finally {
        await second.kill();
      }
    }));

  it('has a new place by itself when Redis and the edge lost the old one, and is held', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const settings = { REDIS_URL: shop.redis.url, LOG_LEVEL: 'info' };
      const first = await startEdge(settings);
      shop.freeze(saleId);
      const page = await person.open(`${first.url}/?sale=${saleId}`);
      await act(page, 'reserve').click();
      await screen(page, 'line');
      const lost = await page.locator('holdfast-buy bdi.code').nth(1).textContent();
      await first.kill();
      await emptyRedis(shop);
      shop.thaw(saleId);
      const second = await startEdge({ ...settings, EDGE_PORT: new URL(first.url).port });
      try {
        await screen(page, 'held');
        expect(await page.locator('holdfast-buy bdi.code').nth(1).textContent()).not.toBe(lost);
        const rows = await shop.rows('select status from reservations where sale_id = $1', [saleId]);
        expect(rows).toEqual([{ status: 'held' }]);
      } finally {
        await second.kill();
      }
    }));

  it('opens no stream while nobody looks, and is up to date when somebody does', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'offer');
      const streams = async () =>
        /open_streams\{kind="sale"\} (\d+)/.exec(await (await fetch(`${shop.url}/metrics`)).text())?.[1];
      // Those of the tests before may end a little later than their pages.
      await until('one stream to be open', async () => (await streams()) === '1');
      const hide = (state: string) =>
        page.evaluate((now) => {
          Object.defineProperty(document, 'visibilityState', { value: now, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }, state);
      await hide('hidden');
      await until('the stream to end', async () => (await streams()) === '0');
      await shop.takeAway(saleId, 1);
      await hide('visible');
      await soon(() => words(page)).toContain('9 of 10 left');
    }));
});
