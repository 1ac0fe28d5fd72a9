import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seriousFaults } from './axe.ts';
import { inEveryState } from './every-state.ts';
import { openShop, screen, type Shop, tees } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
}, 400_000);

afterAll(() => shop.close());

describe('somebody who sees little, or listens', () => {
  it('meets no serious barrier in any state, in light and dark', { timeout: 120_000 }, async () => {
    const faults: string[] = [];
    await inEveryState(shop, ['en'], async (state, page) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const fault of await seriousFaults(page)) faults.push(`${state} ${colorScheme}: ${fault}`);
      }
    });
    expect(faults).toEqual([]);
  });

  it('has a judge that sees what is wrong, also inside the button', () =>
    shop.visit(async (person) => {
      const page = await person.open(shop.pageOf(await shop.open(tees(1))));
      await screen(page, 'offer');
      await page
        .locator('holdfast-buy [part=card]')
        .evaluate((card) => card.append(document.createElement('button')));
      expect((await seriousFaults(page)).join()).toContain('button-name');
    }));
});
