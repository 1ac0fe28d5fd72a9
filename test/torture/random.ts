/** Chance that can be had again: the same seed gives the same numbers. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from 0 on, below `end`. */
  below(end: number): number;
  /** A number between the two. */
  between(least: number, most: number): number;
  /** A whole number between the two, both included. */
  whole(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<One>(from: readonly One[]): One;
  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
  /** Chance of its own for a purpose, so that one more number drawn here changes nothing there. */
  branch(purpose: string): Random;
}

/** mulberry32: 32 bits of state, good enough to choose by. */
export function createRandom(seed: number | string): Random {
  let state = typeof seed === 'number' ? seed >>> 0 : digestOf(seed);
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (end: number) => Math.floor(next() * end);
  return {
    next,
    below,
    between: (least, most) => least + next() * (most - least),
    whole: (least, most) => least + below(most - least + 1),
    chance: (probability) => next() < probability,
    pick(from) {
      const one = from[below(from.length)];
      if (one === undefined) throw new Error('There is nothing to pick from');
      return one;
    },
    weighted(weights) {
      const entries = Object.entries<number>(weights);
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) {
        left -= weight;
        if (left < 0) return name as keyof typeof weights;
      }
      return (entries.at(-1) as [string, number])[0] as keyof typeof weights;
    },
    branch: (purpose) => createRandom(`${seed} ${purpose}`),
  };
}

/** FNV-1a, 32 bits. */
function digestOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
