/** A shop with a real edge and real stores behind it, and a browser to walk in with. */
import { createFake } from '../../packages/payments/src/fake.ts';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { NewSale } from '@holdfast/pipeline';
import { type EdgeHouse, openEdgeHouse } from '../flow/edge-house.ts';
import { builtSite } from '../support/site.ts';
import { type Browser, openBrowser, type Person } from './chromium.ts';

export interface Shop extends EdgeHouse {
  browser: Browser;
  /** The address of a sale's page. */
  pageOf(saleId: string, more?: string): string;
  /** Walks in with a fresh browser, and fails if a page complained or talked to anybody else. */
  visit(walk: (person: Person) => Promise<void>, look?: Parameters<Browser['person']>[0]): Promise<void>;
  /** Somebody else takes so many units and holds them. */
  takeAway(saleId: string, units: number): Promise<string>;
}

export interface ShopOptions {
  takesMoney?: boolean;
}

export async function openShop({ takesMoney = false }: ShopOptions = {}): Promise<Shop> {
  const site = await builtSite();
  const [house, browser] = await Promise.all([
    openEdgeHouse({ site, payments: takesMoney ? createFake() : null }),
    openBrowser(),
  ]);
  return {
    ...house,
    browser,
    pageOf: (saleId, more = '') => `${house.url}/?sale=${saleId}${more}`,
    async visit(walk, look) {
      const person = await browser.person(look);
      try {
        await walk(person);
        expect(person.complaints).toEqual([]);
        expect(person.strays).toEqual([]);
      } finally {
        await person.close();
      }
    },
    async takeAway(saleId, units) {
      const answer = await fetch(`${house.url}/v1/sales/${saleId}/reservations`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Prefer: 'wait=10' },
        body: JSON.stringify({ buyerId: 'somebody else', lines: [{ sku: 'tee', quantity: units }] }),
      });
      if (answer.status !== 201) throw new Error(`somebody else was answered ${answer.status}`);
      return ((await answer.json()) as { id: string }).id;
    },
    async close() {
      await browser.close();
      await house.close();
    },
  };
}

/** A sale of so many tees, with other terms if given. */
export function tees(stock: number, change: Partial<NewSale> = {}): Partial<NewSale> {
  const item = {
    sku: 'tee',
    name: 'Tee',
    description: 'Of cotton.',
    imageUrl: null,
    priceMinor: 4900,
    stock,
  };
  return { items: [item], ...change };
}

/** Looks until it is as it should be; a page's news takes its way over sockets and stores. */
export function soon<Seen>(look: () => Seen | Promise<Seen>) {
  return expect.poll(look, { timeout: 10_000, interval: 40 });
}

/** Waits until the button shows a screen. */
export function screen(page: Page, kind: string): Promise<void> {
  return page.locator(`holdfast-buy[data-screen="${kind}"]`).waitFor();
}

export function act(page: Page, name: string): Locator {
  return page.locator(`holdfast-buy [data-act="${name}"]`);
}

/** What the button says, its title and text and notice, as one. */
export function words(page: Page): Promise<string> {
  return page.locator('holdfast-buy').evaluate((element) => {
    const parts = ['price', 'stock', 'title', 'text', 'notice', 'facts'];
    return parts
      .map((part) => element.shadowRoot?.querySelector<HTMLElement>(`[part="${part}"]`))
      .filter((shown) => shown?.hidden === false)
      .map((shown) => shown?.textContent ?? '')
      .filter((text) => text !== '')
      .join(' | ');
  });
}
