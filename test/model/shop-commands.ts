/** What happens to a shop, as plain data: the model and the real stack play the same. */
import fc from 'fast-check';
import type { Terms, Wish } from './shop.ts';

/** `ticket` counts from the newest back, over however many there are. */
export type ShopCommand =
  | { do: 'reserve' | 'join'; buyer: number; wish: Wish; edge: number }
  | { do: 'reserve again'; ticket: number; edge: number }
  | { do: 'tell'; ticket: number; kind: 'confirm' | 'cancel' | 'extend'; paid: boolean; edge: number }
  | { do: 'tell again'; ticket: number; edge: number }
  | { do: 'lapse'; ticket: number }
  | { do: 'commit' }
  | { do: 'restock' | 'withdraw'; sku: 'tee' | 'cap'; units: number }
  | { do: 'more time' }
  | { do: 'pass the opening time' | 'pass the closing time' }
  | { do: 'move'; to: 'open' | 'paused' | 'closed' | 'cancelled' }
  | { do: 'merchant'; ticket: number; kind: 'return' | 'refunded' }
  | { do: 'forget the sale' };

export interface ShopStory {
  terms: Terms;
  commands: ShopCommand[];
}

const units = fc.integer({ min: 1, max: 3 });
const edge = fc.nat(1);
const ticket = fc.nat(11);
const sku = fc.constantFrom('tee' as const, 'cap' as const);
const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ tee: units }) },
  { weight: 2, arbitrary: fc.record({ cap: units }) },
  { weight: 1, arbitrary: fc.record({ tee: units, cap: units }) },
);

const command: fc.Arbitrary<ShopCommand> = fc.oneof(
  { weight: 64, arbitrary: fc.record({ do: fc.constant('reserve' as const), buyer: fc.nat(3), wish, edge }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('join' as const), buyer: fc.nat(5), wish, edge }) },
  { weight: 4, arbitrary: fc.constant({ do: 'more time' as const }) },
  { weight: 8, arbitrary: fc.constant({ do: 'pass the opening time' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'pass the closing time' as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('reserve again' as const), ticket, edge }) },
  {
    weight: 48,
    arbitrary: fc.record({
      do: fc.constant('tell' as const),
      ticket,
      kind: fc.constantFrom('confirm' as const, 'confirm' as const, 'cancel' as const, 'extend' as const),
      paid: fc.boolean(),
      edge,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tell again' as const), ticket, edge }) },
  { weight: 24, arbitrary: fc.record({ do: fc.constant('lapse' as const), ticket }) },
  { weight: 36, arbitrary: fc.constant({ do: 'commit' as const }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('restock' as const, 'withdraw' as const), sku, units }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      to: fc.constantFrom(
        'open' as const,
        'paused' as const,
        'open' as const,
        'closed' as const,
        'cancelled' as const,
      ),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('merchant' as const),
      ticket,
      kind: fc.constantFrom('return' as const, 'refunded' as const),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'forget the sale' as const }) },
);

export const shopStories: fc.Arbitrary<ShopStory> = fc.record({
  terms: fc.record({
    start: fc.constantFrom('open', 'open', 'open', 'scheduled', 'lobby', 'lobby'),
    stock: fc.record({ tee: fc.integer({ min: 0, max: 6 }), cap: fc.integer({ min: 0, max: 3 }) }),
    limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: null }),
    waitlist: fc.boolean(),
    extensions: fc.nat(2),
  }),
  commands: fc.array(command, { minLength: 8, maxLength: 40, size: 'max' }),
});
