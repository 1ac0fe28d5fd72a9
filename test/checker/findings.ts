/** The twelve invariants, how much of each was looked at, and what was found broken. */

export const rules = {
  I1: 'never oversold at any position of the journal, and the rows are what the journal says',
  I2: 'every acknowledged ticket and command reaches the ledger',
  I3: 'nothing is there that nobody asked for',
  I4: 'one reservation per idempotency key, one answer per command, limits kept',
  I5: 'units are conserved between stock, gate, intake and rows',
  I6: 'nobody is told sold out for long while a unit is free, and enough demand sells the last one',
  I7: 'what a ticket shows never goes back, and is what the ledger has',
  I8: 'who was acknowledged first is first in line, and nobody who waits is overtaken',
  I9: 'no hold ends before its deadline, and none lives on after it',
  I10: 'confirmed or released, never both, and nobody has paid for nothing',
  I11: 'the journal is without gaps, and its chain is whole',
  I12: 'a repair or a rebuild never changed a gate that was right',
} as const;

export type InvariantName = keyof typeof rules;

export const invariantNames = Object.keys(rules) as InvariantName[];

export interface InvariantVerdict {
  name: InvariantName;
  rule: string;
  state: 'ok' | 'broken' | 'nothing seen';
  /** How many facts were held against it. */
  looked: number;
  /** How many of them break it. */
  broken: number;
  /** The first of these, as sentences. */
  violations: string[];
}

export interface Verdict {
  ok: boolean;
  /** The names of those that are broken. */
  broken: InvariantName[];
  invariants: InvariantVerdict[];
}

export interface Findings {
  looked(name: InvariantName, times?: number): void;
  broken(name: InvariantName, sentence: string): void;
  /** Broken, unless it turns out that nothing could be in time between `from` and `to`. */
  tooLate(name: InvariantName, from: number, to: number, sentence: string): void;
  /** `slow` says of a span of time whether the machine did not keep up in it. */
  verdict(slow: (from: number, to: number) => boolean): Verdict;
}

/** Sentences kept per invariant. */
const keptSentences = 5;
/** Of what is too late; more would be more of the same. */
const keptSuspicions = 10_000;

export function createFindings(): Findings {
  const counts = new Map(
    invariantNames.map((name) => [name, { looked: 0, broken: 0, violations: [] as string[] }]),
  );
  const of = (name: InvariantName) =>
    counts.get(name) as { looked: number; broken: number; violations: string[] };
  const suspicions: { name: InvariantName; from: number; to: number; sentence: string }[] = [];
  function broken(name: InvariantName, sentence: string): void {
    const count = of(name);
    count.broken += 1;
    if (count.violations.length < keptSentences) count.violations.push(sentence);
  }

  return {
    looked(name, times = 1) {
      of(name).looked += times;
    },
    broken,
    tooLate(name, from, to, sentence) {
      if (suspicions.length < keptSuspicions) suspicions.push({ name, from, to, sentence });
    },
    verdict(slow) {
      for (const { name, from, to, sentence } of suspicions.splice(0)) {
        if (slow(from, to)) continue;
        of(name).looked += 1;
        broken(name, sentence);
      }
      const invariants = invariantNames.map((name): InvariantVerdict => {
        const { looked, broken: times, violations } = of(name);
        const quiet = looked === 0 ? 'nothing seen' : 'ok';
        const state = times > 0 ? 'broken' : quiet;
        return { name, rule: rules[name], state, looked, broken: times, violations };
      });
      const names = invariants.filter(({ state }) => state === 'broken').map(({ name }) => name);
      return { ok: names.length === 0, broken: names, invariants };
    },
  };
}
