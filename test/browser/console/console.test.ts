import { readFile } from 'node:fs/promises';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adminKey } from '../../support/console-app.ts';
import { until } from '../../support/sales.ts';
import { type ConsoleHouse, openConsoleHouse } from './house.ts';

describe('the console in a browser', { timeout: 60_000 }, () => {
  let at: ConsoleHouse;
  let sales = 0;

  // The first time on a machine, a browser is installed here.
  beforeAll(async () => {
    at = await openConsoleHouse();
  }, 400_000);
  afterAll(() => at.close());
  afterEach(() => {
    const complaints = at.complaints.splice(0);
    if (complaints.length > 0) throw new Error(`The page was complained of: ${complaints.join('; ')}`);
  });

  async function openSale(stock: number, change: object = {}): Promise<string> {
    const id = `drop-${++sales}`;
    const items = [{ sku: 'tee', name: 'Tee', priceMinor: 4900, stock }];
    await at.ask('POST', '/v1/sales', { id, name: `Drop ${sales}`, status: 'open', items, ...change });
    return id;
  }

  const lamp = (page: Page, state: string) => page.locator(`[data-lamp=${state}]`).waitFor();
  const says = (page: Page, chip: string) => page.locator('.chip', { hasText: chip }).first().waitFor();
  const saysLive = (page: Page) => says(page, 'Live');
  const answer = (page: Page, name: string) =>
    page.getByRole('dialog').getByRole('button', { name, exact: true }).click();

  it('leads from nothing to a finished sale, and every law holds at its end', async () => {
    const page = await at.visit({ acceptDownloads: true });
    await at.signIn(page);
    await page.getByRole('heading', { name: 'Your first sale' }).waitFor();
    await page.getByLabel('Name of the sale').fill('Spring drop');
    await page.getByLabel('Item', { exact: true }).fill('Tee, black');
    await page.getByLabel('Price, EUR').fill('49.50');
    await page.getByLabel('Units', { exact: true }).fill('2');
    await page.getByRole('button', { name: 'Create and open' }).click();
    await page.getByRole('heading', { name: 'Spring drop' }).waitFor();
    const saleId = decodeURIComponent(new URL(page.url()).hash.split('/')[2] as string);

    const bought = await Promise.all(['ada', 'ben'].map((buyer) => at.buy(saleId, buyer)));
    expect(bought.map(({ ticket }) => ticket.status)).toEqual(['held', 'held']);
    expect((await at.buy(saleId, 'cleo')).status).toBe(409);
    await page.getByRole('img', { name: '0 of 2 sold, 2 on hold, 0 available' }).first().waitFor();
    for (const { ticket } of bought) await at.confirm(ticket.id);
    await page.getByText('€99.00').first().waitFor();
    await page.getByRole('row', { name: /Sold out/ }).waitFor();

    await page.getByRole('button', { name: 'Restock Tee, black' }).click();
    await page.getByRole('dialog').getByLabel('Units').fill('3');
    await answer(page, 'Restock 3');
    await page.getByRole('img', { name: '2 of 5 sold, 0 on hold, 3 available' }).first().waitFor();
    await page.getByRole('button', { name: 'Withdraw Tee, black' }).click();
    await page.getByRole('dialog').getByLabel('Units').fill('4');
    await answer(page, 'Withdraw 4');
    await page.getByRole('dialog').getByText('Fewer units are available than should be withdrawn.').waitFor();
    await page.getByRole('dialog').getByLabel('Units').fill('1');
    await answer(page, 'Withdraw 1');
    await page.getByRole('img', { name: '2 of 4 sold, 0 on hold, 2 available' }).first().waitFor();

    await page.getByRole('button', { name: 'Pause' }).click();
    await says(page, 'Paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Close …' }).click();
    await answer(page, 'Not now');
    await says(page, 'Open');
    await page.getByRole('button', { name: 'Close …' }).click();
    await answer(page, 'Close it');
    await says(page, 'Closed');
    await page.getByRole('button', { name: 'Check now' }).click();
    await page.getByRole('row', { name: /Never oversold/ }).waitFor();
    await lamp(page, 'good');

    const csv = await saved(page, 'CSV');
    for (const buyer of ['ada', 'ben']) expect(csv).toMatch(new RegExp(`,confirmed,\\d+,\\d+,${buyer},`));
    const journal = (await saved(page, 'Journal')).trim().split('\n');
    expect(JSON.parse(journal.at(-1) as string)).toMatchObject({ count: journal.length - 1 });
  });

  async function saved(page: Page, name: string): Promise<string> {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name, exact: true }).click(),
    ]);
    return readFile(await download.path(), 'utf8');
  }

  it('asks for the name of a sale before it is cancelled for good', async () => {
    const saleId = await openSale(5);
    const { ticket } = await at.buy(saleId, 'ada');
    await at.confirm(ticket.id);
    const page = await at.visit();
    await at.signIn(page, adminKey, `#/sales/${saleId}`);
    await page.getByText('€49.00').first().waitFor();
    await page.getByRole('button', { name: 'Cancel the sale …' }).click();
    await page.getByRole('dialog').getByText('€49.00').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel it for good' }).click({ force: true });
    await page.getByRole('dialog').getByLabel(`Type ${saleId} to go on`).fill(saleId);
    expect((await at.ask('GET', `/v1/sales/${saleId}`)).status).toBe('open');
    await answer(page, 'Cancel it for good');
    await page.getByText('1 refunds due').waitFor();
  });

  it('tells a wrong key from a right one, and who tries many has to wait', async () => {
    const page = await at.visit();
    await page.goto(at.url);
    const enter = async (key: string) => {
      await page.getByLabel('Key').fill(key);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await enter('not-the-admin-key');
    await page.getByText('This key is wrong, or was revoked.').waitFor();
    const { key } = await at.makeKey('new', ['read']);
    for (let tries = 0; tries < 20; tries++) await signInBy(`wrong-${tries}`);
    expect((await signInBy(key)).status).toBe(429);
    await enter(key);
    await page.getByText('Too many wrong keys came from here.').waitFor();
    // A key that was right a moment ago is not held up by whoever guesses behind the same address.
    expect((await signInBy(adminKey)).status).toBe(201);
    await at.restartConsole();
    await enter(key);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  });

  function signInBy(key: string, headers: Record<string, string> = { Origin: at.url }): Promise<Response> {
    return fetch(`${at.url}/v1/session`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ key }),
    });
  }

  it('offers a key that may only read nothing else, says why, and refuses it on the way as well', async () => {
    const saleId = await openSale(5);
    const { key } = await at.makeKey('wall screen', ['read']);
    const page = await at.visit();
    await at.signIn(page, key, `#/sales/${saleId}`);
    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.waitFor();
    expect(await pause.getAttribute('aria-disabled')).toBe('true');
    expect(await pause.getAttribute('title')).toBe('The key “wall screen” has no operate scope');
    await pause.click({ force: true });
    const status = await page.evaluate(
      async (path) => (await fetch(path, { method: 'POST' })).status,
      `/v1/sales/${saleId}/pause`,
    );
    expect(status).toBe(403);
    expect((await at.ask('GET', `/v1/sales/${saleId}`)).status).toBe('open');
    await page.getByRole('link', { name: 'Keys' }).click();
    await page.getByText('keys and the log are shown to merchants').waitFor();
  });

  it('shows a new key once, and signs its holder out in the middle of a look when it is revoked', async () => {
    const saleId = await openSale(5);
    const merchant = await at.visit();
    await at.signIn(merchant, adminKey, '#/keys');
    await merchant.getByLabel('For whom').fill('night shift');
    await merchant.getByRole('button', { name: 'Make the key' }).click();
    const key = await merchant.locator('output.key').innerText();
    await merchant.getByRole('button', { name: 'I have it' }).click();
    await merchant.getByText(key).waitFor({ state: 'detached' });

    const shift = await at.visit();
    await at.signIn(shift, key, `#/sales/${saleId}`);
    await saysLive(shift);
    await merchant.getByRole('button', { name: 'Revoke … night shift' }).click();
    await answer(merchant, 'Revoke it');
    await shift.getByText('Your session is over, or its key was revoked.').waitFor();
    const again = await shift.evaluate(async () => (await fetch('/v1/sales')).status);
    expect(again).toBe(401);
    await merchant.getByRole('row', { name: /POST \/v1\/keys\/.+\/revoke/ }).waitFor();
  });

  it('does nothing for a cookie that another site sends, and signs nobody in from there', async () => {
    const saleId = await openSale(5);
    const signed = await signInBy(adminKey);
    expect(signed.status).toBe(201);
    const set = signed.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/HttpOnly/);
    expect(set).toMatch(/SameSite=Strict/);
    const cookie = set.split(';')[0] as string;
    const pause = (headers: Record<string, string>) =>
      fetch(`${at.url}/v1/sales/${saleId}/pause`, {
        method: 'POST',
        headers: { Cookie: cookie, ...headers },
      });
    for (const headers of [
      {},
      { Origin: 'https://elsewhere.example' },
      { Origin: 'null' },
      { Origin: at.url, 'Sec-Fetch-Site': 'cross-site' },
      { Origin: at.url, 'Sec-Fetch-Site': 'same-site' },
      { Origin: at.url.replace('127.0.0.1', 'localhost') },
    ] as Record<string, string>[]) {
      expect((await pause(headers)).status, JSON.stringify(headers)).toBe(403);
    }
    expect((await at.ask('GET', `/v1/sales/${saleId}`)).status).toBe('open');
    expect((await pause({ Origin: at.url, 'Sec-Fetch-Site': 'same-origin' })).status).toBe(200);
    for (const headers of [{}, { Origin: 'https://elsewhere.example' }] as Record<string, string>[])
      expect((await signInBy(adminKey, headers)).status).toBe(403);
    // Changed by one character, it is nobody's.
    const forged = `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`;
    expect(
      (await fetch(`${at.url}/v1/sales`, { headers: { Cookie: forged.replace('.', '.x') } })).status,
    ).toBe(401);
    // A key that is sent counts, even a wrong one: the cookie does not stand in for it.
    const both = { Cookie: cookie, Authorization: 'Bearer wrong' };
    expect((await fetch(`${at.url}/v1/sales`, { headers: both })).status).toBe(401);
  });

  it('shows which law is broken, what was expected and what is', async () => {
    const saleId = await openSale(5);
    await at.buy(saleId, 'ada');
    await at.house.rows('update items set stock = stock + 1 where sale_id = $1', [saleId]);
    const page = await at.visit();
    await at.signIn(page, adminKey, `#/sales/${saleId}`);
    await lamp(page, 'bad');
    await page.getByRole('alert').getByText('expected 1 of 6, 0 withdrawn, is 1 of 5, 0 withdrawn').waitFor();
    await page.getByRole('alert').getByText('journal_equals_counters:tee').waitFor();
  });

  it('says when its numbers are old, and is right again as soon as the console is back', async () => {
    const saleId = await openSale(5);
    const page = await at.visit();
    await at.signIn(page, adminKey, `#/sales/${saleId}`);
    await lamp(page, 'good');
    await saysLive(page);
    await at.killConsole();
    await says(page, 'Numbers are old: connecting again');
    await lamp(page, 'unknown');
    expect((await at.buy(saleId, 'ada')).ticket.status).toBe('held');
    await at.restartConsole();
    await saysLive(page);
    await page.getByRole('img', { name: '0 of 5 sold, 1 on hold, 4 available' }).first().waitFor();
    await lamp(page, 'good');
  });

  it('finds a buyer’s ticket, tells its story, and takes it back', async () => {
    const saleId = await openSale(5);
    await at.buy(saleId, 'ada');
    const { ticket } = await at.buy(saleId, 'ben');
    await at.confirm(ticket.id);
    const page = await at.visit();
    await at.signIn(page, adminKey, `#/sales/${saleId}`);
    await page.getByLabel('Buyer or ticket').fill('ben');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('link', { name: 'ben' }).click();
    await page.getByText('Paid: bought').waitFor();
    const told = await page
      .locator('.timeline li[data-event]')
      .evaluateAll((events) => events.map((event) => event.getAttribute('data-event')));
    expect(told).toEqual(['held', 'confirmed']);
    await page.getByRole('button', { name: 'Take back …' }).click();
    await answer(page, 'Take it back');
    await page.getByText('Taken back, on sale again').waitFor();
    await page.goto(`${at.url}/#/sales/${saleId}`);
    await page.getByLabel('Buyer or ticket').fill(ticket.id);
    await page.getByRole('button', { name: 'Find' }).click();
    await says(page, 'Returned');
  });

  it('tells a new receiver its secret once, and lets it be paused and revoked', async () => {
    const page = await at.visit();
    await at.signIn(page, adminKey, '#/webhooks');
    await page.getByLabel('Address').fill('https://books.example/holdfast');
    await page.getByLabel('Name').fill('bookkeeping');
    await page.getByRole('button', { name: 'Add it' }).click();
    expect(await page.locator('output.key').innerText()).toMatch(/^whsec_/);
    await page.getByRole('button', { name: 'I have it' }).click();
    const row = page.getByRole('row', { name: /bookkeeping/ });
    await row.getByRole('button', { name: 'Pause' }).click();
    await row.getByText('paused').waitFor();
    await row.getByRole('button', { name: 'Revoke …' }).click();
    await answer(page, 'Revoke it');
    await row.getByText('revoked', { exact: true }).waitFor();
  });

  it('shows the queue board behind the same key, and nothing there changes anything', async () => {
    const page = await at.visit();
    await page.goto(`${at.url}/board`);
    await page.getByLabel('Key').waitFor();
    await at.signIn(page);
    await page.goto(`${at.url}/#/queues`);
    await page.getByRole('row', { name: /commit/ }).waitFor();
    await page.getByRole('link', { name: 'Queue board' }).click();
    await page.getByText('commit').first().waitFor();
    const changed = await page.evaluate(
      async () => (await fetch('/board/api/queues/commit/pause', { method: 'PUT' })).status,
    );
    expect([404, 405]).toContain(changed);
  });

  it.each(['light', 'dark'] as const)(
    'is readable by everybody, in %s, and fits a phone',
    async (colorScheme) => {
      const saleId = await openSale(3, { perBuyerLimit: 1 });
      const { ticket } = await at.buy(saleId, 'ada');
      await at.buy(saleId, 'ada');
      await at.ask('POST', '/v1/webhooks', { url: 'https://shop.example/holdfast' });
      const page = await at.visit({ colorScheme, viewport: { width: 375, height: 740 } });
      await page.goto(at.url);
      await page.getByLabel('Key').waitFor();
      expect(await seriousFaults(page)).toEqual([]);
      await at.signIn(page);
      const places: [hash: string, shown: string][] = [
        ['#/', 'Workers seen'],
        ['#/sales/+', 'New sale'],
        [`#/sales/${saleId}`, 'Buyer limit'],
        [`#/tickets/${ticket.id}`, 'Given a hold'],
        ['#/queues', 'Completed a second'],
        ['#/webhooks', 'shop.example'],
        ['#/keys', 'What was done'],
      ];
      for (const [hash, shown] of places) {
        await page.goto(`${at.url}/${hash}`);
        await page.getByText(shown).first().waitFor();
        const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(tooWide, `${hash} on a phone`).toBeLessThanOrEqual(0);
        await page.setViewportSize({ width: 1280, height: 800 });
        expect(await seriousFaults(page), hash).toEqual([]);
        await page.setViewportSize({ width: 375, height: 740 });
      }
      await page.goto(`${at.url}/#/sales/${saleId}`);
      await page.getByRole('button', { name: 'Close …' }).click();
      expect(await seriousFaults(page), 'a question').toEqual([]);
      await page.keyboard.press('Escape');
      await until('the question to go', async () => (await page.getByRole('dialog').count()) === 0);
    },
  );

  async function seriousFaults(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    return page.evaluate(async () => {
      const found = await (globalThis as unknown as { axe: typeof axe }).axe.run();
      return found.violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
    });
  }
});
