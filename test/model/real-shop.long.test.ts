import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { playOnRealStack } from './real-shop.ts';
import { shopStories } from './shop-commands.ts';

const stories = 2_500;
/** Another seed each time; a failure prints it with its path, and `fc.assert` replays that. */
const seed = Date.now() % 2 ** 31;

describe(`the real gate, ledger and pipeline, at length (seed ${seed})`, () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0, edges: 2 });
  });
  afterAll(() => house.close());

  it(`agree with the model of a shop in ${stories} stories, and see every state`, {
    timeout: 1_800_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(shopStories, (story) => playOnRealStack(house, story)),
      { numRuns: stories, seed },
    );
    const seen = await house.rows<{ type: string; count: string }>(
      'select type, count(*) as count from events group by type order by type',
    );
    expect(seen.map(({ type }) => type)).toEqual([
      'cancelled',
      'confirmed',
      'drawn',
      'expired',
      'extended',
      'gate_rebuilt',
      'held',
      'joined',
      'paid_late',
      'prolonged',
      'refund_due',
      'refunded',
      'refused',
      'rejected',
      'restocked',
      'returned',
      'sale_changed',
      'sale_created',
      'sale_moved',
      'waitlisted',
      'withdrawn',
    ]);
    console.log(seen.map(({ type, count }) => `${type} ${count}`).join(', '));
  });
});
