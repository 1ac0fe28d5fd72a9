import { describe, test } from 'vitest';
import { holds } from './check.ts';
import { modes, nameOf } from './commands.ts';
import { allRules } from './rules.ts';

const schedulesPerMode = 150_000;
const patience = 600_000;

/** Another seed each time: a failure prints it, and explain.ts replays it. */
const seed = Date.now() % 2 ** 31;

describe(`with all rules no law is ever broken, at length (seed ${seed})`, () => {
  test.for(modes.map((mode) => [nameOf(mode), mode] as const))('%s', { timeout: patience }, ([, mode]) => {
    holds(mode, allRules, schedulesPerMode, seed);
  });
});
