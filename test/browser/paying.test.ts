import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { act, openShop, screen, type Shop, soon, tees, words } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ takesMoney: true });
}, 400_000);

afterAll(() => shop.close());

describe('a buyer who pays a provider', () => {
  it('is led to its page, and the button notices by itself that it was paid', () =>
    shop.visit(async (person) => {
      const page = await person.open(shop.pageOf(await shop.open(tees(10))));
      const provider = await toPay(page);
      expect(await provider.locator('h1').textContent()).toContain('49.00');
      await provider.getByRole('button', { name: 'Pay', exact: true }).click();
      await screen(page, 'bought');
    }));

  it('keeps the hold when the card fails, and pays with the next', () =>
    shop.visit(async (person) => {
      const page = await person.open(shop.pageOf(await shop.open(tees(10))));
      const provider = await toPay(page);
      await provider.getByRole('button', { name: 'Let the card fail' }).click();
      await provider.getByText('Sent.').waitFor();
      await screen(page, 'held');
      await provider.getByRole('button', { name: 'Pay', exact: true }).click();
      await screen(page, 'bought');
    }));

  it('finds the same payment again after a reload', () =>
    shop.visit(async (person) => {
      const page = await person.open(shop.pageOf(await shop.open(tees(10))));
      const first = await toPay(page);
      await page.reload();
      await screen(page, 'held');
      const second = await toPay(page);
      expect(second.url()).toBe(first.url());
    }));

  it('is told what becomes of money that comes too late', () =>
    shop.visit(async (person) => {
      const saleId = await shop.open(tees(1, { holdSeconds: 2, extension: { times: 0, totalSeconds: 0 } }));
      const page = await person.open(shop.pageOf(saleId));
      const provider = await toPay(page);
      await screen(page, 'expired');
      expect(await words(page)).toContain('or your money back');
      await provider.getByRole('button', { name: 'Pay', exact: true }).click();
      await soon(async () => {
        await page.reload();
        return page.locator('holdfast-buy[data-screen=bought]').count();
      }).toBe(1);
    }));
});

/** Presses pay, follows the link, and answers with the provider's page. */
async function toPay(page: Page): Promise<Page> {
  await page.locator('holdfast-buy[data-screen=offer], holdfast-buy[data-screen=held]').waitFor();
  if ((await act(page, 'reserve').count()) > 0) await act(page, 'reserve').click();
  await act(page, 'confirm').click();
  const [opened] = await Promise.all([page.context().waitForEvent('page'), act(page, 'pay').click()]);
  await opened.waitForLoadState();
  return opened;
}
