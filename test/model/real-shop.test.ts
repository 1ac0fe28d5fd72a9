import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { playOnRealStack } from './real-shop.ts';
import { shopStories } from './shop-commands.ts';

describe('the real gate, ledger and pipeline', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0, edges: 2 });
  });
  afterAll(() => house.close());

  it(
    'agree with the model of a shop, ticket by ticket, whatever buyers and merchants do',
    { timeout: 60_000 },
    () =>
      fc.assert(
        fc.asyncProperty(shopStories, (story) => playOnRealStack(house, story)),
        // What is found before the test's own time is up is told, and not only that it took too long.
        { numRuns: 50, seed: 20_261_124, interruptAfterTimeLimit: 45_000, markInterruptAsFailure: true },
      ),
  );
});
