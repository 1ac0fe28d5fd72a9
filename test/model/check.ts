import fc from 'fast-check';
import type { Mode, Schedule } from './commands.ts';
import { schedules } from './commands.ts';
import type { Rules } from './rules.ts';
import { play } from './world.ts';

/** Plays so many random schedules with these rules; a failure shows the shortest one, its seed and its path. */
export function holds(mode: Mode, keep: Rules, count: number, seed: number): void {
  fc.assert(
    fc.property(schedules(mode), (schedule) => {
      const [violation] = play(schedule, keep);
      if (violation) throw new Error(`${violation.law}: ${violation.detail}`);
    }),
    { numRuns: count, seed },
  );
}

export type Catch = { readonly law: string; readonly afterSchedules: number; readonly schedule: Schedule };

/** The first schedule, of so many, that breaks a law with these rules. */
export function caught(mode: Mode, keep: Rules, count: number, seed: number): Catch | undefined {
  const found = fc.check(
    fc.property(schedules(mode), (schedule) => play(schedule, keep).length === 0),
    { numRuns: count, seed, endOnFailure: true },
  );
  const [schedule] = found.counterexample ?? [];
  const [violation] = schedule ? play(schedule, keep) : [];
  return schedule && violation && { law: violation.law, afterSchedules: found.numRuns, schedule };
}
