/**
 * Pictures of the console in each of its main states, from a real stack with a real rush:
 *
 *   node infra/bootstrap.mjs test/browser/console/screenshots.ts [folder]
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removePostgres, temporaryFolder } from '@holdfast/runtime/local-stores';
import pg from 'pg';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { startStack } from '../../../apps/cli/src/stack.ts';
import { launchChromium } from '../chromium.ts';
import { startCrowd } from './crowd.ts';

const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 820 } };
const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 1.5,
  isMobile: true,
};

const folder = process.argv[2] ?? join(import.meta.dirname, '../../../docs/screenshots');
mkdirSync(folder, { recursive: true });
const dir = temporaryFolder('screenshots');
const stack = await startStack({ dir, workers: 2, edges: 1, env: { LOG_LEVEL: 'warn' } });
const browser = await launchChromium();
try {
  await takeAll(browser);
} finally {
  await browser.close();
  await stack.stop();
  removePostgres(join(dir, 'postgres'));
  rmSync(dir, { recursive: true, force: true });
}

async function takeAll(chrome: Browser): Promise<void> {
  const page = await signedIn(chrome, { ...desktop, colorScheme: 'light' });
  await page.getByRole('heading', { name: 'Your first sale' }).waitFor();
  await page.getByLabel('Name of the sale').fill('Autumn drop');
  await page.getByLabel('Item', { exact: true }).fill('Tee, black');
  await page.getByLabel('Price, EUR').fill('49');
  await shoot(page, 'console-start');

  const saleId = 'autumn-drop';
  await askConsole('POST', '/v1/sales', {
    id: saleId,
    name: 'Autumn drop',
    status: 'open',
    perBuyerLimit: 4,
    holdSeconds: 25,
    items: [
      { sku: 'tee-black', name: 'Tee, black', priceMinor: 4900, stock: 3600 },
      { sku: 'tee-white', name: 'Tee, white', priceMinor: 4900, stock: 1500 },
      { sku: 'poster', name: 'Signed poster', priceMinor: 2500, stock: 900 },
    ],
  });
  const crowd = startCrowd({
    edge: (stack.edges[0] as URL).href,
    saleId,
    skus: ['tee-black', 'tee-black', 'tee-white', 'poster'],
    perSecond: 130,
    pays: 0.72,
    payAfterMs: 6_000,
  });
  await page.goto(`${stack.console.url}#/sales/${saleId}`);
  await page.getByRole('heading', { name: 'Autumn drop' }).waitFor();
  await page.getByRole('button', { name: '1 min', exact: true }).click();
  const dark = await signedIn(chrome, { ...desktop, colorScheme: 'dark' }, `#/sales/${saleId}`);
  await dark.getByRole('button', { name: '1 min', exact: true }).click();
  const small = await signedIn(chrome, { ...phone, colorScheme: 'light' }, `#/sales/${saleId}`);
  await new Promise((resolve) => setTimeout(resolve, 50_000));
  await page.locator('[data-lamp=good]').waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Look again' }).click();
  await page.getByRole('heading', { name: 'Items' }).scrollIntoViewIfNeeded();
  await page.evaluate('scrollTo(0, 0)');
  await shoot(page, 'console-sale');
  await page.getByRole('heading', { name: 'Tickets' }).scrollIntoViewIfNeeded();
  await shoot(page, 'console-sale-below');
  await shoot(dark, 'console-sale-dark');
  await shoot(small, 'console-sale-phone');
  await small.getByRole('heading', { name: 'Items' }).scrollIntoViewIfNeeded();
  await shoot(small, 'console-sale-phone-items');
  await page.goto(`${stack.console.url}#/queues`);
  await page.getByRole('heading', { name: 'Workers' }).waitFor();
  await shoot(page, 'console-queues');
  await page.goto(`${stack.console.url}#/`);
  await page.getByRole('link', { name: 'Autumn drop' }).waitFor();
  await page.getByText('Workers seen').waitFor();
  await shoot(page, 'console-sales');
  await crowd.stop();

  const [bought] = (await askConsole('GET', `/v1/sales/${saleId}/reservations?status=confirmed&limit=1`))
    .reservations;
  await askConsole('POST', `/v1/tickets/${bought.id}/return`, {});
  await dark.goto(`${stack.console.url}#/tickets/${bought.id}`);
  await dark.getByText('Taken back, on sale again').waitFor();
  await shoot(dark, 'console-ticket');

  await page.goto(`${stack.console.url}#/sales/${saleId}`);
  await page.getByRole('button', { name: 'Cancel the sale …' }).click();
  await page.getByRole('heading', { name: 'Cancel the sale?' }).waitFor();
  await shoot(page, 'console-question');
  await page.getByRole('button', { name: 'Not now' }).click();

  await askConsole('POST', '/v1/keys', { name: 'Night shift', scopes: ['read', 'operate'] });
  await askConsole('POST', '/v1/keys', { name: 'Wall screen', scopes: ['read'] });
  await dark.goto(`${stack.console.url}#/keys`);
  await dark.getByText('Wall screen').first().waitFor();
  await shoot(dark, 'console-keys');

  const client = new pg.Client(stack.databaseUrl);
  await client.connect();
  await client.query(`update items set stock = stock + 1 where sale_id = $1 and sku = 'poster'`, [saleId]);
  await client.end();
  await page.locator('[data-lamp=bad]').waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Check now' }).click();
  await page.locator('tr.bad').first().waitFor();
  await page.evaluate('scrollTo(0, 0)');
  await shoot(page, 'console-audit-broken');
  await page.goto(`${stack.console.url}board`);
  await page.getByText('commit').first().waitFor();
  await page.waitForLoadState('networkidle');
  await shoot(page, 'console-board');
}

async function signedIn(chrome: Browser, options: BrowserContextOptions, place = ''): Promise<Page> {
  const page = await (await chrome.newContext(options)).newPage();
  await page.goto(`${stack.console.url}${place}`);
  await page.getByLabel('Key').fill(stack.console.key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  return page;
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(`${name}.png`);
}

async function askConsole(method: string, path: string, body?: object) {
  const answer = await fetch(new URL(path, stack.console.url), {
    method,
    headers: { Authorization: `Bearer ${stack.console.key}`, 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json() as any;
}
