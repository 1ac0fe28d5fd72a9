/** `npm run screenshots`: a stack of its own, and a picture of each thing that people see, into docs/screenshots/. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onPath, removePostgres, temporaryFolder } from '@holdfast/runtime/local-stores';
import type { Page } from 'playwright-core';
import { createDemoSale, demoSale } from '../../apps/cli/src/demo-sale.ts';
import { startStack } from '../../apps/cli/src/stack.ts';
import { openBrowser, type Person } from './chromium.ts';

const folder = join(import.meta.dirname, '../../docs/screenshots');
const only = process.argv[2];
/** With a palette a picture is a third as large. */
const quantizer = onPath('pngquant');
const dir = temporaryFolder('screenshots');
mkdirSync(folder, { recursive: true });
const stack = await startStack({ dir, workers: 1, edges: 2, say: console.log });
const browser = await openBrowser();
const desktop = { viewport: { width: 1120, height: 760 } };
const tall = { viewport: { width: 1120, height: 960 } };
const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };
const [item] = demoSale.items;

try {
  await createDemoSale(stack.console.url, stack.console.key);
  await openSale('last-one', { stock: 1 });
  await openSale('waiting', { stock: 1, waitlist: true });
  await openSale('soon', { stock: 100, opensAt: new Date(Date.now() + 4_000_000).toISOString() }, 'draft');
  await openSale(
    'drawn',
    { stock: 100, opensAt: new Date(Date.now() + 4_000_000).toISOString() },
    'draft',
    'lobby',
  );
  await openSale('line', { stock: 100 });

  await shot('storefront', desktop, async (page) => {
    await page.goto(shop('?sale=demo'));
    await page.locator('holdfast-buy [part~=main]').waitFor();
  });
  await shot('storefront-dark', { ...desktop, colorScheme: 'dark' }, async (page) => {
    await page.goto(shop('?sale=demo'));
    await page.locator('holdfast-buy [part~=main]').waitFor();
  });
  await shot(
    'whole-page',
    desktop,
    async (page) => {
      await page.goto(shop('?sale=demo'));
      await page.locator('#rules').waitFor();
    },
    true,
  );
  await shot('phone', phone, async (page) => {
    await page.goto(shop('?sale=demo'));
    await page.locator('holdfast-buy [part~=main]').waitFor();
  });
  await shot('arabic', desktop, async (page) => {
    await page.goto(shop('?sale=demo&lang=ar'));
    await page.locator('holdfast-buy [part~=main]').waitFor();
  });
  await shot('japanese-phone', phone, async (page) => {
    await page.goto(shop('?sale=demo&lang=ja'));
    await page.locator('holdfast-buy [part~=main]').waitFor();
  });
  await shot('early', { ...desktop, colorScheme: 'dark' }, async (page) => {
    await page.goto(shop('?sale=soon'));
    await page.locator('holdfast-buy [part=time]').waitFor();
  });
  await shot('lobby', desktop, async (page) => {
    await page.goto(shop('?sale=drawn'));
    await press(page, 'join', 'lobby');
  });
  await shot('line', phone, async (page) => {
    await page.goto(shop('?sale=line'));
    // What a buyer sees of a line is as short as a blink on this machine, so the answer of the edge is a longer one.
    await page.route('**/v1/sales/line/reservations', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({
        response: answer,
        json: { ...(await answer.json()), status: 'queued', ahead: 1_204 },
      });
    });
    await page.route('**/v1/tickets/**', (route) => route.abort());
    await page.locator('holdfast-buy [data-act=reserve]').click();
    await page.locator('holdfast-buy[data-screen=line]').waitFor();
  });
  await shot('hold', desktop, async (page) => {
    await page.goto(shop('?sale=demo'));
    await press(page, 'reserve', 'held');
  });
  await shot('hold-phone', { ...phone, colorScheme: 'dark' }, async (page) => {
    await page.goto(shop('?sale=demo'));
    await press(page, 'reserve', 'held');
    await page.locator('holdfast-buy').scrollIntoViewIfNeeded();
    await page.locator('holdfast-buy [data-act=leave]').scrollIntoViewIfNeeded();
  });
  await shot('receipt', desktop, async (page) => {
    await page.goto(shop('?sale=demo'));
    await press(page, 'reserve', 'held');
    await press(page, 'confirm', 'bought');
  });
  for (const sale of ['last-one', 'waiting']) await buy(sale);
  await shot('sold-out', desktop, async (page) => {
    await page.goto(shop('?sale=last-one'));
    await page.locator('holdfast-buy[data-screen=sold_out]').waitFor();
  });
  await shot('waitlist', desktop, async (page) => {
    await page.goto(shop('?sale=waiting'));
    await press(page, 'reserve', 'waitlist');
  });
  await shot('several', desktop, async (page) => {
    await page.goto(shop(''));
    await page.locator('#sales .tile').first().waitFor();
  });
  await shot('race', tall, async (page) => {
    await page.goto(shop('race'));
    await page.locator('#start').click();
    await page.locator('#track[data-left]').waitFor();
    await page.mouse.move(0, 0);
  });
  await shot('race-phone', phone, async (page) => {
    await page.goto(shop('race'));
    await page.locator('#start').click();
    await page.locator('#track[data-left]').waitFor();
  });
  await shot('architecture', tall, async (page) => {
    await page.goto(shop('architecture'));
    await page.locator('body[data-live=yes]').waitFor();
  });
  await shot('architecture-dark-arabic', { ...tall, colorScheme: 'dark' }, async (page) => {
    await page.goto(shop('architecture?lang=ar'));
    await page.locator('body[data-live=yes]').waitFor();
  });
  await shot(
    'architecture-phone',
    phone,
    async (page) => {
      await page.goto(shop('architecture'));
      await page.locator('body[data-live=yes]').waitFor();
    },
    true,
  );
} finally {
  await browser.close();
  await stack.stop();
  removePostgres(join(dir, 'postgres'));
  rmSync(dir, { recursive: true, force: true });
}
process.exit();

function shop(path: string): string {
  return new URL(path, stack.edges[0]).href;
}

type Look = Parameters<typeof browser.person>[0];

async function shot(
  name: string,
  look: Look,
  arrange: (page: Page) => Promise<void>,
  isWhole = false,
): Promise<void> {
  if (only !== undefined && !name.startsWith(only)) return;
  const person: Person = await browser.person({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...look });
  try {
    const page = await person.context.newPage();
    await arrange(page);
    // Pictures, and what moves into place.
    await page.waitForFunction(() => [...document.images].every((image) => image.complete));
    await page.waitForTimeout(1_300);
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path, fullPage: isWhole });
    if (quantizer !== null) execFileSync(quantizer, ['--force', '--ext', '.png', '--speed', '1', path]);
    console.log(`${name}.png`);
  } finally {
    await person.close();
  }
}

async function press(page: Page, act: string, then: string): Promise<void> {
  await page.locator(`holdfast-buy [data-act=${act}]`).click();
  await page.locator(`holdfast-buy[data-screen=${then}]`).waitFor();
}

async function openSale(
  id: string,
  { stock, ...terms }: { stock: number; waitlist?: boolean; opensAt?: string },
  status = 'open',
  then?: 'lobby',
): Promise<void> {
  const body = { id, name: 'The Holdfast Lamp', status, items: [{ ...item, stock }], ...terms };
  await ask('/v1/sales', body);
  if (status === 'draft') await ask(`/v1/sales/${id}/${then ?? 'schedule'}`, {});
}

async function ask(path: string, body: object): Promise<void> {
  const { url, key } = stack.console;
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  const answer = await fetch(new URL(path, url), { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status} ${await answer.text()}`);
}

/** Somebody else has the only one. */
async function buy(saleId: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json', Prefer: 'wait=10' };
  const body = JSON.stringify({ buyerId: 'ada' });
  await fetch(new URL(`/v1/sales/${saleId}/reservations`, stack.edges[0]), { method: 'POST', headers, body });
}
