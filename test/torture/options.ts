/** What was asked for on the command line. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { kinds, unknownKinds } from './kinds.ts';

export const usage = `npm run torture -- [--seed N] [--minutes M] [--faults KIND,...] [--keep FOLDER] [--rate N]

  --seed     any word or number; the same seed is the same plan of faults (one is made up and printed)
  --minutes  how long, 0.5 or more (10)
  --faults   only these kinds: ${kinds.map(({ name }) => name).join(', ')}
  --rate     visitors a second, all sales together (40)
  --keep     keeps evidence and logs in FOLDER; else only those of a round in which a law was broken

npm run torture -- --only worker-death [--times N]

  kills the busy worker with -9 N times (200), and says how long it was until the next commit
`;

export interface Options {
  seed: string;
  minutes: number;
  faults: string[];
  keep: string | null;
  rate: number;
  /** Instead of all that: one fault, again and again, and its recovery measured. */
  only: 'worker-death' | null;
  times: number;
}

/** Null when only the usage is asked for. Throws a sentence for a wrong option. */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '10' },
      faults: { type: 'string', default: '' },
      keep: { type: 'string' },
      rate: { type: 'string', default: '40' },
      only: { type: 'string' },
      times: { type: 'string', default: '200' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const faults = values.faults.split(',').filter((name) => name !== '');
  const unknown = unknownKinds(faults);
  if (unknown.length > 0) throw new Error(`--faults: there is no ${unknown.join(', ')}`);
  const { only } = values;
  if (only !== undefined && only !== 'worker-death') throw new Error('--only takes worker-death');
  return {
    seed: values.seed ?? String(randomInt(1, 1_000_000_000)),
    minutes: numberOf('--minutes', values.minutes, 0.5, 24 * 60),
    faults,
    keep: values.keep ?? null,
    rate: numberOf('--rate', values.rate, 1, 1_000),
    only: only ?? null,
    times: numberOf('--times', values.times, 1, 100_000),
  };
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() === '' || !(number >= least && number <= most))
    throw new Error(`${name} wants a number from ${least} to ${most}`);
  return number;
}
