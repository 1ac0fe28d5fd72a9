import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.ts';
import { planFaults } from './plan.ts';

const hourMs = 3_600_000;

describe('the plan of the nemesis', () => {
  it('is the same for the same seed, so that what broke a law can be done again', () => {
    expect(planFaults('7', 3, 120_000, [])).toEqual(planFaults('7', 3, 120_000, []));
    expect(planFaults('7', 3, 120_000, [])).not.toEqual(planFaults('8', 3, 120_000, []));
    expect(planFaults('7', 4, 120_000, [])).not.toEqual(planFaults('7', 3, 120_000, []));
  });

  it('has every kind and target in it, hundreds in an hour, and sometimes several at once', () => {
    const faults = planFaults('1', 1, hourMs, []);
    expect(faults.length).toBeGreaterThan(500);
    for (const { name, targets } of kinds) {
      const own = faults.filter(({ kind }) => kind.name === name);
      expect(new Set(own.map(({ target }) => target)).size, name).toBeGreaterThan(targets.length / 3);
    }
    expect(faults.some(({ atMs }, index) => atMs - (faults[index - 1]?.atMs ?? 0) < 500)).toBe(true);
  });

  it('does only what was asked for', () => {
    const faults = planFaults('1', 1, hourMs, ['drain', 'redis-flush']);
    expect(new Set(faults.map(({ kind }) => kind.name))).toEqual(new Set(['drain', 'redis-flush']));
  });
});
