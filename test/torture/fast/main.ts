/** What `npm run torture` does with `--fast` and `--planted`; everything else is torture by real processes. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { playPlanted } from '../planted/play-planted.ts';
import { playFast } from './fast.ts';

const usage = `npm run torture -- --fast N [--seed S] [--minutes M]
npm run torture -- --planted [NAME]

  --fast     how many schedules; a seed S and N = 1 play the one of that seed again, and tell its story
  --seed     a whole number; the schedules are those of S, S + 1 and so on (one is made up and printed)
  --minutes  at most so long
  --planted  plants bugs in a copy of the sources, all or the one of this name, and says what caught each
`;

/** Null when the arguments are somebody else's. Exit codes: 0 every law held, 1 a law is broken, 2 nothing is proven. */
export async function fastMain(args: string[]): Promise<number | null> {
  if (!args.some((arg) => /^--(fast|planted)\b/.test(arg))) return null;
  const say = (line: string) => console.log(line);
  try {
    if (args[0] === '--planted') return await playPlanted(args.slice(1), say);
    const { values } = parseArgs({
      args,
      options: { fast: { type: 'string' }, seed: { type: 'string' }, minutes: { type: 'string' } },
    });
    const schedules = numberOf('--fast', values.fast, 1, 10_000_000);
    const seed =
      values.seed === undefined ? randomInt(1, 1_000_000_000) : numberOf('--seed', values.seed, 0, 2 ** 47);
    const minutes = values.minutes === undefined ? null : numberOf('--minutes', values.minutes, 0.1, 24 * 60);
    say(`seed ${seed}`);
    const { played, broken, faults, seconds } = await playFast(
      { schedules, seed, minutes, tells: schedules === 1 },
      say,
    );
    say(
      `${played} schedules in ${seconds.toFixed(0)} s, ${(played / seconds).toFixed(1)} a second: ${broken.length} broken, ${faults.length} could not be played`,
    );
    for (const one of broken) say(`  npm run torture -- --fast 1 --seed ${one.seed}    ${one.laws[0]}`);
    if (broken.length > 0) return 1;
    return faults.length > 0 || played === 0 ? 2 : 0;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
}

function numberOf(name: string, text: string | undefined, least: number, most: number): number {
  const number = Number(text);
  if (text === undefined || text.trim() === '' || !(number >= least && number <= most))
    throw new Error(`${name} wants a number from ${least} to ${most}`);
  return number;
}
