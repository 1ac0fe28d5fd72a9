import type { Basket, CrowdPlan } from './plan.ts';

/** One person of the crowd: the same number and seed always make the same person. */
export interface Buyer {
  id: string;
  number: number;
  lines: Basket['lines'];
  confirms: boolean;
  streams: boolean;
  keyed: boolean;
}

export function makeBuyer(plan: CrowdPlan, number: number): Buyer {
  return {
    id: `${plan.crowd}-${Math.floor(number / plan.atOnce)}`,
    number,
    lines: chooseBasket(plan.baskets, chance(plan.seed, number, 1)),
    confirms: chance(plan.seed, number, 2) < plan.confirmShare,
    streams: chance(plan.seed, number, 3) < plan.streamShare,
    keyed: chance(plan.seed, number, 4) < plan.keyShare,
  };
}

/** A number from 0 (included) to 1 (excluded) that depends on nothing else than what it is given. */
export function chance(seed: number, number: number, purpose: number): number {
  let mixed =
    Math.imul(seed ^ Math.imul(number + 1, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(purpose, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}

function chooseBasket(baskets: readonly Basket[], at: number): Basket['lines'] {
  let left = at * baskets.reduce((sum, basket) => sum + basket.share, 0);
  for (const basket of baskets) {
    left -= basket.share;
    if (left < 0) return basket.lines;
  }
  return baskets.at(-1)?.lines ?? [];
}
