import { languages } from '@holdfast/client/languages';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seriousFaults } from './axe.ts';
import { inEveryState } from './every-state.ts';
import { openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
}, 400_000);

afterAll(() => shop.close());

describe('somebody who sees little, or listens, in any language', () => {
  it('meets no serious barrier in any state, in light and dark', async () => {
    const faults: string[] = [];
    await inEveryState(shop, languages, async (state, page) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const fault of await seriousFaults(page)) faults.push(`${state} ${colorScheme}: ${fault}`);
      }
    });
    expect(faults).toEqual([]);
  });
});
