/** A history that holds is accepted, and a single change to it is not: one history that is read aloud, then thousands. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { damages } from './damages.ts';
import { invariantNames } from './findings.ts';
import { createHonestShop, type HonestShop, type ShopEvidence, type ShopTerms } from './honest-shop.ts';

const sentences = (evidence: ShopEvidence) =>
  check(evidence).invariants.flatMap(({ violations }) => violations);

/** Three tees, then some more of everything that can become of a reservation. */
function plainStory(): ShopEvidence {
  const shop = createHonestShop({
    stock: { tee: 4, cap: 2 },
    holdSeconds: 5,
    perBuyerLimit: 3,
    waitlist: false,
  });
  const ann = shop.reserve('ann', [['tee', 2]], 'once') as string;
  shop.reserve('ann', [['tee', 2]], 'once');
  const bob = shop.reserve('bob', [
    ['tee', 1],
    ['cap', 1],
  ]) as string;
  const cem = shop.reserve('cem', [['tee', 1]], 'lost', true) as string;
  shop.reserve('dee', [['tee', 1]]);
  shop.commit();
  for (const ticket of [ann, bob, cem]) shop.read(ticket);
  shop.frame(bob, 'one');
  shop.tell('confirm', ann);
  shop.tell('confirm', ann);
  shop.tell('cancel', bob);
  shop.frame(bob, 'one');
  shop.tell('extend', cem);
  shop.lookAtSale();
  const eve = shop.reserve('eve', [['tee', 1]], 'e') as string;
  shop.commit();
  shop.pass(5_500);
  shop.commit();
  shop.read(eve);
  shop.tell('confirm', eve, 'pay-eve');
  shop.read(eve);
  shop.tell('cancel', cem);
  shop.withdraw('cap', 1);
  shop.restock('cap', 2);
  shop.reserve('fay', [['cap', 1]], 'f');
  shop.pass(6_000);
  shop.commit();
  shop.reserve('gil', [['cap', 1]]);
  return shop.evidence();
}

function waitingStory(): ShopEvidence {
  const shop = createHonestShop({ stock: { ring: 2 }, holdSeconds: 5, perBuyerLimit: null, waitlist: true });
  const [ann, bob, cem, dee] = ['ann', 'bob', 'cem', 'dee'].map(
    (buyer) => shop.reserve(buyer, [['ring', 1]]) as string,
  );
  shop.reserve('pair', [['ring', 2]]);
  shop.reserve('fay', [['ring', 1]]);
  shop.commit();
  for (const ticket of [ann, bob, cem, dee] as string[]) shop.read(ticket);
  shop.tell('cancel', ann as string);
  shop.read(cem as string);
  shop.tell('confirm', bob as string);
  shop.tell('confirm', cem as string, 'pay-cem');
  return shop.evidence();
}

describe('a sale in which everything is right', () => {
  it.each([
    ['with a limit, holds that lapse, a late payment, a restock and a withdrawal', plainStory],
    ['with a waitlist', waitingStory],
  ])('is accepted: %s', (_, story) => {
    expect(sentences(story())).toEqual([]);
  });

  it('says of an invariant that had nothing to look at that nothing was seen', () => {
    const { ok, invariants } = check({ sales: [], history: [], journals: {}, rows: {}, gates: {} });
    expect(ok).toBe(true);
    expect(invariants.map(({ name, state }) => [name, state])).toEqual(
      invariantNames.map((name) => [name, 'nothing seen']),
    );
  });

  it('leaves nothing but rebuilds and repairs unseen', () => {
    const unseen = check(plainStory()).invariants.filter(({ state }) => state === 'nothing seen');
    expect(unseen.map(({ name }) => name)).toEqual(['I12']);
  });
});

describe.each(invariantNames)('%s', (name) => {
  it.each(damages.filter(({ breaks }) => breaks === name))('notices that $what', ({ damage }) => {
    const damaged = damage(plainStory()) ?? damage(waitingStory()) ?? damage(lapsingStory());
    expect(damaged, 'one of the stories has something of the kind').not.toBeNull();
    const verdict = check(damaged as ShopEvidence);
    expect(
      verdict.broken,
      JSON.stringify(verdict.invariants.flatMap(({ violations }) => violations)),
    ).toContain(name);
  });
});

/** Ends with an expiry. */
function lapsingStory(): ShopEvidence {
  const shop = createHonestShop({ stock: { tee: 1 }, holdSeconds: 5, perBuyerLimit: null, waitlist: false });
  shop.reserve('ann', [['tee', 1]]);
  shop.commit();
  shop.pass(5_100);
  return shop.evidence();
}

type Move = (shop: HonestShop) => void;

const buyer = fc.constantFrom('ann', 'bob', 'cem', 'dee', 'eve');
const lines = fc.constantFrom(
  [['tee', 1]] as const,
  [['tee', 2]] as const,
  [['cap', 1]] as const,
  [
    ['tee', 1],
    ['cap', 1],
  ] as const,
);
const key = fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { freq: 2 });
const lost = fc.constantFrom(false, false, false, true);
const some =
  (tell: (shop: HonestShop, ticketId: string) => void, number: number): Move =>
  (shop) => {
    const tickets = shop.tickets();
    const ticketId = tickets[number % Math.max(1, tickets.length)];
    if (ticketId !== undefined) tell(shop, ticketId);
  };
const wishes = new Map<string, readonly (readonly [string, number])[]>();

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(buyer, lines, key, lost).map(
      ([who, what, which, isLost]): Move =>
        (shop) => {
          // A key stands for one wish.
          const name = `${who} ${which}`;
          const asked = which === null ? what : (wishes.get(name) ?? what);
          if (which !== null) wishes.set(name, asked);
          shop.reserve(who, asked, which, isLost);
        },
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('confirm' as const, 'cancel' as const, 'extend' as const),
        fc.nat(30),
        fc.boolean(),
        lost,
      )
      .map(([op, number, isPaid, isLost]) =>
        some(
          (shop, id) => shop.tell(op, id, op === 'confirm' && isPaid ? `pay-${id}` : null, isLost),
          number,
        ),
      ),
  },
  { weight: 3, arbitrary: fc.nat(30).map((number) => some((shop, id) => shop.read(id), number)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(30), fc.nat(1))
      .map(([number, n]) => some((shop, id) => shop.frame(id, `${id} ${n}`), number)),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, 300, 2_500, 5_200).map(
      (ms): Move =>
        (shop) => {
          shop.pass(ms);
          shop.commit();
        },
    ),
  },
  { weight: 2, arbitrary: fc.constant<Move>((shop) => shop.commit()) },
  { weight: 1, arbitrary: fc.constant<Move>((shop) => shop.lookAtSale()) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('tee', 'cap'), fc.integer({ min: 1, max: 2 })).map(
      ([sku, units]): Move =>
        (shop) =>
          shop.restock(sku, units),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('tee', 'cap'), fc.integer({ min: 1, max: 2 })).map(
      ([sku, units]): Move =>
        (shop) =>
          shop.withdraw(sku, units),
    ),
  },
);

const terms: fc.Arbitrary<ShopTerms> = fc.record({
  stock: fc.record({ tee: fc.integer({ min: 1, max: 4 }), cap: fc.integer({ min: 1, max: 3 }) }),
  holdSeconds: fc.constant(5),
  perBuyerLimit: fc.constantFrom(null, 2, 3),
  waitlist: fc.boolean(),
});

const story = fc
  .tuple(terms, fc.array(move, { minLength: 1, maxLength: 60, size: 'max' }), fc.boolean())
  .map(([asked, moves, isClosed]) => {
    wishes.clear();
    const shop = createHonestShop(asked);
    for (const make of moves) make(shop);
    return shop.evidence(isClosed);
  });

describe('whatever an honest shop does', () => {
  it('is accepted', () => {
    fc.assert(
      fc.property(story, (evidence) => {
        expect(sentences(evidence)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('and is not any more, once a single thing of it is changed', () => {
    fc.assert(
      fc.property(story, fc.constantFrom(...damages), (evidence, { breaks, what, damage }) => {
        const damaged = damage(evidence);
        fc.pre(damaged !== null);
        expect(check(damaged as ShopEvidence).broken, what).toContain(breaks);
      }),
      { numRuns: 300 },
    );
  });
});
