import type { Random } from '../random.ts';

/** A sale of one round. */
export interface Good {
  saleId: string;
  kind: GoodKind;
  holdSeconds: number;
  perBuyerLimit: number | null;
  waitlist: boolean;
  items: { sku: string; stock: number }[];
  /** Different people who come; the fewer, the sooner somebody meets the limit. */
  people: number;
}

export type GoodKind = 'plain' | 'limit' | 'waitlist' | 'baskets' | 'hot';

export const goodKinds: readonly GoodKind[] = ['plain', 'limit', 'waitlist', 'baskets', 'hot'];

/** Small holds, so that much lapses and comes back; stocks that are gone before the round is. */
export function makeGood(kind: GoodKind, round: number, random: Random): Good {
  const saleId = `${kind}-${round}`;
  const tee = (stock: number) => [{ sku: 'tee', stock }];
  const many = 1_000_000;
  const plain = { saleId, kind, perBuyerLimit: null, waitlist: false, people: many };
  switch (kind) {
    case 'plain':
      return { ...plain, holdSeconds: 4, items: tee(random.whole(150, 300)) };
    case 'limit':
      return { ...plain, holdSeconds: 4, perBuyerLimit: 2, people: 250, items: tee(random.whole(150, 300)) };
    case 'waitlist':
      return { ...plain, holdSeconds: 2, waitlist: true, items: tee(random.whole(30, 80)) };
    case 'baskets':
      return {
        ...plain,
        holdSeconds: 4,
        items: ['mug', 'cap', 'bag', 'pin'].map((sku) => ({ sku, stock: random.whole(50, 120) })),
      };
    case 'hot':
      return { ...plain, holdSeconds: 1, items: tee(random.whole(2, 6)) };
  }
}

/** What one buyer asks for. Who waits for several at once would keep a last one from everybody behind: one each there. */
export function chooseLines({ kind, items }: Good, random: Random): [string, number][] {
  if (kind === 'waitlist' || kind === 'hot') return [['tee', 1]];
  if (kind !== 'baskets') return [['tee', random.chance(0.25) ? 2 : 1]];
  const chosen = items.filter(() => random.chance(0.4));
  const some = chosen.length === 0 ? [random.pick(items)] : chosen;
  return some.map(({ sku }) => [sku, random.chance(0.2) ? 2 : 1]);
}
