import { type Kind, kinds } from './kinds.ts';
import { createRandom } from './random.ts';

/** One fault of a plan: everything about it that is not left to the moment. */
export interface Fault {
  readonly number: number;
  readonly kind: Kind;
  readonly target: string;
  /** Since the round's beginning, milliseconds. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** A number from 0 to 1 for what else has to be chosen, such as the byte at which a file is cut. */
  readonly chance: number;
}

/** Between two moments of the plan, milliseconds: some 600 faults in an hour of torment. */
const gapMs = [2_500, 7_500] as const;
const burstChance = 0.2;
/** Left alone at the beginning, so that there is something to lose, and at the end. */
const quietMs = 3_000;

/**
 * The faults of one round, in order. The same seed, round, length and kinds give the same plan; each fault of a burst
 * begins within half a second of the one before.
 */
export function planFaults(seed: string, round: number, roundMs: number, wanted: readonly string[]): Fault[] {
  const random = createRandom(`${seed} nemesis ${round}`);
  const chosen = wanted.length === 0 ? kinds : kinds.filter(({ name }) => wanted.includes(name));
  const weights = Object.fromEntries(chosen.map(({ name, weight }) => [name, weight]));
  const faults: Fault[] = [];
  let atMs = quietMs;
  while (atMs < roundMs - quietMs) {
    const atOnce = random.chance(burstChance) ? random.whole(2, 3) : 1;
    for (let one = 0; one < atOnce; one += 1) {
      const kind = kindOf(chosen, random.weighted(weights));
      faults.push({
        number: faults.length + 1,
        kind,
        target: random.pick(kind.targets),
        atMs: Math.round(atMs + one * random.between(0, 500)),
        lastsMs: Math.round(random.between(...kind.lastsMs)),
        chance: random.next(),
      });
    }
    atMs += random.between(...gapMs);
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function kindOf(chosen: readonly Kind[], wanted: string): Kind {
  return chosen.find(({ name }) => name === wanted) as Kind;
}
