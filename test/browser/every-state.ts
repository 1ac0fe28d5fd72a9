/** Every state that a buyer may see, one after the other, on a page of its own. */
import type { Language } from '@holdfast/client/languages';
import type { Page } from 'playwright-core';
import { act, screen, type Shop, tees } from './shop.ts';

type Look = (state: string, page: Page) => Promise<void>;

/**
 * Brings the page into every state, and shows each in every one of `languages` by loading it again: what was bought is
 * there after a reload, in whatever language.
 */
export async function inEveryState(shop: Shop, languages: readonly Language[], look: Look): Promise<void> {
  await shop.visit(async (person) => {
    const page = await person.context.newPage();
    const arrive = async (saleId: string) => {
      await page.goto(shop.pageOf(saleId, '&lang=en'));
      return saleId;
    };
    const show = async (saleId: string, kind: string) => {
      for (const language of languages) {
        await page.goto(shop.pageOf(saleId, `&lang=${language}`));
        await screen(page, kind);
        await look(`${kind} ${language}`, page);
      }
    };

    const open = await shop.open(tees(10));
    await show(open, 'offer');
    await arrive(open);
    shop.freeze(open);
    await act(page, 'reserve').click();
    await screen(page, 'line');
    await show(open, 'line');
    shop.thaw(open);
    await show(open, 'held');
    await act(page, 'leave').click();
    await look('leaving', page);
    await act(page, 'keep').click();
    await act(page, 'confirm').click();
    await screen(page, 'bought');
    await show(open, 'bought');

    const given = await arrive(await shop.open(tees(1)));
    await act(page, 'reserve').click();
    await screen(page, 'held');
    await act(page, 'leave').click();
    await act(page, 'cancel').click();
    await screen(page, 'cancelled');
    await show(given, 'cancelled');

    const short = await arrive(
      await shop.open(tees(1, { holdSeconds: 1, extension: { times: 0, totalSeconds: 0 } })),
    );
    await act(page, 'reserve').click();
    await screen(page, 'expired');
    await show(short, 'expired');

    const gone = await shop.open(tees(1));
    await shop.takeAway(gone, 1);
    await show(gone, 'sold_out');

    const waiting = await shop.open(tees(1, { waitlist: true }));
    await shop.takeAway(waiting, 1);
    await show(waiting, 'sold_out');
    await act(page, 'reserve').click();
    await screen(page, 'waitlist');
    await show(waiting, 'waitlist');

    const soon = await shop.open(tees(1, { status: 'draft', opensAt: Date.now() + 90_000_000 }));
    await shop.desk.openLobby(soon, null);
    await show(soon, 'early');
    await act(page, 'join').click();
    await screen(page, 'lobby');
    await show(soon, 'lobby');

    const stopped = await shop.open(tees(1));
    await shop.desk.move(stopped, 'pause', null);
    await show(stopped, 'paused');
    await shop.desk.move(stopped, 'close', null);
    await show(stopped, 'over');
    await show('no-such-sale', 'unknown');

    for (const language of languages) {
      await page.goto(`${shop.url}/?lang=${language}`);
      await page.locator('#sales .tile').first().waitFor();
      await look(`list ${language}`, page);
      for (const path of ['race', 'architecture']) {
        await page.goto(`${shop.url}/${path}?lang=${language}`);
        await look(`${path} ${language}`, page);
      }
    }
  });
}
