import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { languages } from '@holdfast/client/languages';
import { freePort } from '@holdfast/runtime/local-stores';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { raceSale } from '../../apps/cli/src/demo-sale.ts';
import { startEdge } from '../support/edge-process.ts';
import { until } from '../support/sales.ts';
import { distFolder } from '../support/site.ts';
import { act, openShop, screen, type Shop, soon, tees } from './shop.ts';

let shop: Shop;
let saleId: string;

beforeAll(async () => {
  shop = await openShop();
  saleId = await shop.open(tees(10));
  const items = raceSale.items.map((item) => ({ ...item, description: null, imageUrl: null }));
  await shop.open({ id: 'race', items, holdSeconds: 4, extension: { times: 0, totalSeconds: 0 } });
}, 400_000);

afterAll(() => shop.close());

/** Where something stands on the page. */
async function box(page: Page, selector: string) {
  const found = await page.locator(selector).first().boundingBox();
  if (found === null) throw new Error(`${selector} is not to be seen`);
  return { ...found, right: found.x + found.width };
}

describe('the storefront', () => {
  it('speaks the language of the browser, and another when it is chosen; the choice is remembered', () =>
    shop.visit(
      async (person) => {
        const page = await person.open(shop.pageOf(saleId));
        await act(page, 'reserve').waitFor();
        expect(await act(page, 'reserve').textContent()).toBe('購入する');
        await page.locator('.tongue summary').click();
        await page.locator('.tongue a[lang=fr]').click();
        await page.locator('html[lang=fr]').waitFor();
        expect(await act(page, 'reserve').textContent()).toBe('Acheter');
        expect(page.url()).toContain(`sale=${saleId}`);
        await page.goto(shop.pageOf(saleId));
        await page.locator('html[lang=fr]').waitFor();
      },
      { locale: 'ja-JP' },
    ));

  it('stands the other way round in Arabic, and numbers and ids read from the left', () =>
    shop.visit(async (person) => {
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'offer');
      const left = {
        stage: await box(page, '#stage'),
        offer: await box(page, '.offer'),
        mark: await box(page, '.mark'),
      };
      expect(left.stage.right).toBeLessThanOrEqual(left.offer.x);
      await page.goto(shop.pageOf(saleId, '&lang=ar'));
      await screen(page, 'offer');
      const right = {
        stage: await box(page, '#stage'),
        offer: await box(page, '.offer'),
        mark: await box(page, '.mark'),
      };
      expect(right.offer.right).toBeLessThanOrEqual(right.stage.x);
      // Mirrored to the pixel, but for the width of a scroll bar.
      const width = await page.evaluate(() => document.documentElement.clientWidth);
      expect(Math.abs(width - right.stage.right - left.stage.x)).toBeLessThan(2);
      expect(Math.abs(width - right.mark.right - left.mark.x)).toBeLessThan(2);
      const price = await box(page, 'holdfast-buy [part=price]');
      const stock = await box(page, 'holdfast-buy [part=stock]');
      expect(stock.right).toBeLessThan(price.x);

      await act(page, 'reserve').click();
      await screen(page, 'held');
      for (const selector of ['holdfast-buy [role=timer]', 'holdfast-buy bdi.code']) {
        const direction = await page
          .locator(selector)
          .last()
          .evaluate((element) => getComputedStyle(element).direction);
        expect(direction).toBe('ltr');
      }
      expect(await page.locator('holdfast-buy [role=timer]').textContent()).toMatch(/^\d:\d\d$/);
      // Nothing sticks out at either side.
      expect(
        await page.evaluate(
          () => document.documentElement.scrollWidth <= document.documentElement.clientWidth,
        ),
      ).toBe(true);
      await act(page, 'leave').click();
      await act(page, 'cancel').click();
      await screen(page, 'cancelled');
    }));

  it(
    'fits a phone in every language',
    () =>
      shop.visit(
        async (person) => {
          const page = await person.context.newPage();
          for (const language of languages) {
            for (const path of [
              `?sale=${saleId}&lang=${language}`,
              `race?lang=${language}`,
              `architecture?lang=${language}`,
            ]) {
              await page.goto(`${shop.url}/${path}`);
              if (path.startsWith('?')) await screen(page, 'offer');
              const [wide, screenWide] = await page.evaluate(() => [
                document.documentElement.scrollWidth,
                document.documentElement.clientWidth,
              ]);
              expect([path, wide]).toEqual([path, screenWide]);
            }
          }
        },
        { viewport: { width: 340, height: 700 } },
      ),
    60_000,
  );

  it('says without JavaScript what it cannot do, and still tells the rules of the line', () =>
    shop.visit(
      async (person) => {
        const page = await person.open(`${shop.url}/?lang=en`);
        expect(await page.locator('main').innerText()).toContain('needs JavaScript');
        expect(await page.locator('main').innerText()).toContain('served in the order of pressing');
      },
      { javaScriptEnabled: false },
    ));

  it('shows the list when there are several sales, and says when one is unknown', () =>
    shop.visit(async (person) => {
      await shop.open(tees(3));
      const page = await person.open(`${shop.url}/?lang=en`);
      await page.locator('#sales .tile').nth(1).waitFor();
      // The race has a page of its own.
      expect(await page.locator('#sales .tile').count()).toBe(2);
      await page.locator('#sales a').first().click();
      await screen(page, 'offer');
      await page.goto(shop.pageOf('no-such-sale'));
      await screen(page, 'unknown');
    }));

  it('has a button for each item of a sale with several', () =>
    shop.visit(async (person) => {
      const item = { description: null, imageUrl: null, priceMinor: 1_000, stock: 2 };
      const several = await shop.open({
        items: [
          { ...item, sku: 'cup', name: 'Cup' },
          { ...item, sku: 'jug', name: 'Jug' },
        ],
      });
      const page = await person.open(shop.pageOf(several));
      const jug = page.locator('holdfast-buy[sku=jug]');
      await jug.locator('[data-act=reserve]').click();
      await page.locator('holdfast-buy[sku=jug][data-screen=held]').waitFor();
      const [line] = await shop.rows<{ sku: string }>(
        'select sku from reservation_lines join reservations using (ticket_id) where sale_id = $1',
        [several],
      );
      expect(line?.sku).toBe('jug');
    }));
});

describe('the weight of what a crowd loads', () => {
  const weigh = (...files: string[]) =>
    files.reduce((sum, file) => sum + gzipSync(readFileSync(join(distFolder, file)), { level: 9 }).length, 0);

  it.each(languages)('the drop page in %s: HTML, styles and script under 20 KB', (language) => {
    const html = readFileSync(join(distFolder, `drop.${language}.html`), 'utf8');
    const assets = [...html.matchAll(/(?:src|href)="\/assets\/([^"]+)"/g)].map(([, file]) => file as string);
    expect(assets.length).toBe(2);
    expect(weigh(`drop.${language}.html`, ...assets)).toBeLessThan(20_000);
  });

  it.each(languages)('the button in %s: program and texts under 12 KB', (language) => {
    expect(weigh('holdfast-buy.js', `holdfast-buy.${language}.json`)).toBeLessThan(12 * 1_024);
  });
});

describe('the race', () => {
  it('gives one piece to one of two buyers, and both ends agree on what is left', () =>
    shop.visit(async (person) => {
      const page = await person.open(`${shop.url}/race?lang=en`);
      await page.getByText('This shop runs one edge').waitFor();
      for (let round = 1; round <= 3; round += 1) {
        await page.locator('#start').click();
        await page.locator('#track[data-left=taken]').waitFor();
        expect(await page.locator('#verdict').textContent()).toContain(
          'Both ends say the same: 0 of 1 is left.',
        );
        const outcomes = await page.locator('[data-show=outcome]').allTextContents();
        expect(outcomes.sort()).toEqual(['has the piece', 'is told: sold out']);
        const [row] = await shop.rows<{ count: string }>(
          "select count(*) from reservations where sale_id = 'race'",
        );
        expect(row?.count).toBe(String(round));
      }
      await page.locator('#track[data-left=back]').waitFor();
    }));

  it(
    'runs by two edges where there are two',
    () =>
      shop.visit(async (person) => {
        // Each names the other, so their ports are chosen before either starts.
        const ports = [await freePort(0, '127.0.0.1'), await freePort(0, '127.0.0.1')] as const;
        const edges = await Promise.all(
          ports.map((port, index) =>
            startEdge({
              REDIS_URL: shop.redis.url,
              EDGE_PORT: String(port),
              PEER_EDGES: `http://127.0.0.1:${ports[1 - index]}`,
            }),
          ),
        );
        try {
          const page = await person.open(`${edges[0]?.url}/race?lang=en`);
          await page.getByText('each a process of its own').waitFor();
          await page.locator('#start').click();
          await page.locator('#track[data-left=taken]').waitFor();
          expect(await page.locator('#verdict').textContent()).toContain(
            'Both ends say the same: 0 of 1 is left.',
          );
          const hosts = await page.locator('[data-show=edge]').allTextContents();
          expect(hosts).toEqual(ports.map((port) => `127.0.0.1:${port}`));
        } finally {
          for (const edge of edges) await edge.kill();
        }
      }),
    60_000,
  );
});

describe('the inside', () => {
  it('shows what the edge and the gate count, and the last of it when they are away', () =>
    shop.visit(async (person) => {
      const counted = await shop.open(tees(5));
      const page = await person.open(`${shop.url}/architecture?lang=en`);
      const number = async (name: string) =>
        Number((await page.locator(`svg.wide [data-live=${name}]`).textContent())?.replaceAll(',', ''));
      // Races may still be giving their pieces back: what is left is what the ledger's rows leave of the stock.
      const showsWhatIsLeft = () =>
        soon(async () => {
          const [row] = await shop.rows<{ taken: string }>(
            "select coalesce(sum(quantity), 0) as taken from reservation_lines join reservations using (ticket_id) where status in ('held', 'confirmed')",
          );
          const [items] = await shop.rows<{ stock: string }>('select sum(stock) as stock from items');
          return (await number('available')) === Number(items?.stock) - Number(row?.taken);
        }).toBe(true);
      await showsWhatIsLeft();
      const admitted = await number('admitted');
      await shop.takeAway(counted, 2);
      await soon(() => number('admitted')).toBe(admitted + 1);
      await showsWhatIsLeft();
      shop.freeze(counted);
      const asking = shop.takeAway(counted, 1);
      await soon(() => number('waiting')).toBe(1);
      shop.thaw(counted);
      await asking;
      await soon(() => number('waiting')).toBe(0);
      await page.route('**/v1/inside', (route) => route.abort());
      await page.getByText('these are the last numbers').waitFor();
      expect(await number('admitted')).toBe(admitted + 2);
    }));

  it('answers with sums and nothing else', async () => {
    const answer = await until('the sums', async () => {
      const response = await fetch(`${shop.url}/v1/inside`);
      return response.ok && response.text();
    });
    expect(answer).not.toMatch(/0-sale|somebody/);
  });
});
