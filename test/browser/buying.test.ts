import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isoTime } from '@holdfast/contracts';
import { until } from '../support/sales.ts';
import { act, openShop, screen, type Shop, soon, tees, words } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
}, 400_000);

afterAll(() => shop.close());

const visit: Shop['visit'] = (walk, look) => shop.visit(walk, look);

async function countsOf(saleId: string): Promise<Record<string, number>> {
  const rows = await shop.rows<{ status: string; count: string }>(
    'select status, count(*) from reservations where sale_id = $1 group by status',
    [saleId],
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
}

describe('a buyer in a browser', () => {
  it('buys: from the press to a receipt, and the ledger has one sale', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'offer');
      expect(await words(page)).toBe('€49.00 | 10 of 10 left');
      await act(page, 'reserve').click();
      await screen(page, 'held');
      expect(await page.locator('holdfast-buy [role=timer]').textContent()).toMatch(/^[45]:\d\d$/);
      await act(page, 'confirm').click();
      await screen(page, 'bought');
      expect(await words(page)).toMatch(
        /It is yours \| .*Total€49\.00Place in line1Ticket.*Receipt1\.1\.[0-9a-f]{40}$/,
      );
      expect(await countsOf(saleId)).toEqual({ confirmed: 1 });
    }));

  it('sees what is left fall as others buy, and is told when nothing is', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'offer');
      await shop.takeAway(saleId, 4);
      await page.getByText('6 of 10 left').waitFor();
      await shop.takeAway(saleId, 6);
      await screen(page, 'sold_out');
      expect(await act(page, 'reserve').count()).toBe(0);
    }));

  it('finds the same ticket after a reload, and in a second tab, in every state', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      const second = await person.open(shop.pageOf(saleId));
      await screen(second, 'offer');
      shop.freeze(saleId);
      await act(page, 'reserve').click();
      await screen(page, 'line');
      await screen(second, 'line');
      await page.reload();
      await screen(page, 'line');
      shop.thaw(saleId);
      await screen(page, 'held');
      await screen(second, 'held');
      await page.reload();
      await screen(page, 'held');
      await act(second, 'confirm').click();
      await screen(second, 'bought');
      await screen(page, 'bought');
      await page.reload();
      await screen(page, 'bought');
      expect(await countsOf(saleId)).toEqual({ confirmed: 1 });
      // Put aside in one tab, it is put aside in the other.
      await act(page, 'again').click();
      await screen(second, 'offer');
    }));

  it('has one place when two tabs press at the same moment', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const pages = await Promise.all([person.open(shop.pageOf(saleId)), person.open(shop.pageOf(saleId))]);
      await Promise.all(pages.map((page) => screen(page, 'offer')));
      await Promise.all(
        pages.map((page) => act(page, 'reserve').evaluate((button) => (button as HTMLElement).click())),
      );
      await Promise.all(pages.map((page) => screen(page, 'held')));
      expect(await countsOf(saleId)).toEqual({ held: 1 });
    }));

  it('asks again by itself when the page was reloaded before the answer came, and has one ticket', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      // The request arrives, and its answer does not.
      let arrived = 0;
      await page.route('**/reservations', async (route) => {
        if (arrived === 0) await route.fetch();
        else return route.continue();
        arrived += 1;
      });
      await screen(page, 'offer');
      await act(page, 'reserve').click();
      await until('the request to arrive', async () => arrived === 1);
      await page.reload();
      await screen(page, 'held');
      expect(await countsOf(saleId)).toEqual({ held: 1 });
    }));

  it('waits on the waitlist with the page open, and gets what comes back', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(1, { waitlist: true }));
      const theirs = await shop.takeAway(saleId, 1);
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'sold_out');
      await act(page, 'reserve').click();
      await screen(page, 'waitlist');
      await page.reload();
      await screen(page, 'waitlist');
      await fetch(`${shop.url}/v1/tickets/${theirs}/cancel`, { method: 'POST' });
      await screen(page, 'held');
    }));

  it('is warned, and sees the hold lapse under their eyes; the unit is on sale again', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(1, { holdSeconds: 3, extension: { times: 1, totalSeconds: 1 } }));
      const page = await person.open(shop.pageOf(saleId));
      await act(page, 'reserve').click();
      await screen(page, 'held');
      const said = page.locator('holdfast-buy [role=status]');
      await soon(() => said.textContent()).toContain('Less than twenty seconds');
      expect(await page.locator('holdfast-buy [part=card]').getAttribute('data-hurry')).toBe('seconds');
      await act(page, 'extend').click();
      await soon(async () => (await countsOf(saleId))['held']).toBe(1);
      await screen(page, 'expired');
      expect(await countsOf(saleId)).toEqual({ expired: 1 });
      await act(page, 'again').click();
      await screen(page, 'offer');
    }));

  it('gives a hold back only after having been asked, and may keep it', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(1));
      const page = await person.open(shop.pageOf(saleId));
      await act(page, 'reserve').click();
      await screen(page, 'held');
      await act(page, 'leave').click();
      await act(page, 'keep').click();
      await screen(page, 'held');
      await act(page, 'leave').click();
      await act(page, 'cancel').click();
      await screen(page, 'cancelled');
      expect(await countsOf(saleId)).toEqual({ cancelled: 1 });
    }));

  it('is told of a limit, of a pause and of the end as they are', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10, { perBuyerLimit: 1 }));
      const page = await person.open(shop.pageOf(saleId));
      await act(page, 'reserve').click();
      await act(page, 'confirm').click();
      await screen(page, 'bought');
      await act(page, 'again').click();
      await act(page, 'reserve').click();
      await soon(() => words(page)).toContain('as many as one buyer may have');
      await shop.desk.move(saleId, 'pause', null);
      await screen(page, 'paused');
      await shop.desk.move(saleId, 'close', null);
      await screen(page, 'over');
    }));

  it('buys with the keyboard alone, and the focus is never lost', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'offer');
      const focused = () =>
        page.evaluate(
          () => (document.activeElement?.shadowRoot?.activeElement as HTMLElement | null)?.dataset['act'],
        );
      for (let tabs = 0; tabs < 20 && (await focused()) !== 'reserve'; tabs += 1)
        await page.keyboard.press('Tab');
      expect(await focused()).toBe('reserve');
      await page.keyboard.press('Enter');
      await screen(page, 'held');
      // The title has the focus, so that a key held too long does not pay; the next Tab leads to the button.
      const part = () =>
        page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.getAttribute('part') ?? '');
      await soon(part).toBe('title');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('confirm');
      await page.keyboard.press('Space');
      await screen(page, 'bought');
      await soon(part).toBe('title');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('again');
    }));

  it('says what changes, and is silent while only the clock does', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(10));
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'offer');
      await page.evaluate(() => {
        const said = document
          .querySelector('holdfast-buy')
          ?.shadowRoot?.querySelector('[role=status]') as HTMLElement;
        const heard: string[] = [];
        new MutationObserver(() => heard.push(said.textContent ?? '')).observe(said, {
          childList: true,
          characterData: true,
          subtree: true,
        });
        Object.assign(window, { heard });
      });
      await act(page, 'reserve').click();
      await screen(page, 'held');
      const clock = page.locator('holdfast-buy [role=timer]');
      const first = await clock.textContent();
      await soon(() => clock.textContent()).not.toBe(first);
      const second = await clock.textContent();
      await soon(() => clock.textContent()).not.toBe(second);
      const heard = await page.evaluate(() => (window as unknown as { heard: string[] }).heard);
      expect(heard.at(-1)).toContain('It is yours, for now');
      // Asked, perhaps a place, and the hold.
      expect(heard.length).toBeLessThanOrEqual(3);
    }));

  it('joins the lobby, is drawn, and holds', () =>
    visit(async (person) => {
      const opensAt = Date.now() + 3_600_000;
      const saleId = await shop.open(tees(3, { status: 'draft', opensAt }));
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'early');
      expect(await act(page, 'join').count()).toBe(0);
      await shop.desk.openLobby(saleId, null);
      await act(page, 'join').waitFor();
      expect(await page.locator('holdfast-buy [role=timer]').textContent()).toMatch(/^(59|1:00):\d\d/);
      await act(page, 'join').click();
      await screen(page, 'lobby');
      await page.reload();
      await screen(page, 'lobby');
      expect(isoTime(opensAt)).toBe((await saleOf(saleId)).opensAt);
      await shop.desk.move(saleId, 'open', null);
      await screen(page, 'held');
    }));

  it('sees a sale open by itself, by the clock of the server and not by their own', () =>
    visit(async (person) => {
      const saleId = await shop.open(tees(3, { status: 'draft', opensAt: Date.now() + 2_500 }));
      await shop.desk.move(saleId, 'schedule', null);
      // A device that is two hours behind.
      await person.context.addInitScript(() => {
        const now = Date.now;
        Date.now = () => now() - 7_200_000;
      });
      const page = await person.open(shop.pageOf(saleId));
      await screen(page, 'early');
      await soon(() => page.locator('holdfast-buy [role=timer]').textContent()).toMatch(/^0:0[0-3]$/);
      await screen(page, 'offer');
    }));
});

async function saleOf(saleId: string): Promise<{ opensAt: string | null }> {
  return (await (await fetch(`${shop.url}/v1/sales/${saleId}`)).json()) as { opensAt: string | null };
}
