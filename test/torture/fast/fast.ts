/** `npm run torture -- --fast N --seed S`: many small schedules of crashes, played on the real rooms in few processes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { JobNews, JobOrder } from './job.ts';
import { type FastStores, startFastStores } from './stores.ts';

export interface FastOptions {
  schedules: number;
  seed: number;
  minutes: number | null;
  /** Tells the story of a schedule in which nothing was broken, too. */
  tells?: boolean;
  /** Where the sources are that are played: a copy of this repository, or itself. */
  root?: string;
  /** Stores that are there already, and stay. */
  stores?: FastStores;
  /** Stops when a law that this accepts is broken. */
  until?: (law: string) => boolean;
}

export interface FastResult {
  played: number;
  broken: { seed: number; laws: string[]; story: string[] }[];
  faults: { seed: number; text: string }[];
  seconds: number;
}

/** Schedules side by side in one process. */
const sideBySide = 8;
const mostJobs = 4;
const repository = resolve(import.meta.dirname, '../../..');
const progressMs = 10_000;

export async function playFast(options: FastOptions, say: (line: string) => void): Promise<FastResult> {
  const { schedules, seed, minutes, tells = false, root = repository } = options;
  const jobs = jobsFor(schedules);
  const stores = options.stores ?? (await startFastStores(placesFor(schedules), root));
  const each = Math.floor(stores.places.length / jobs);
  const result: FastResult = { played: 0, broken: [], faults: [], seconds: 0 };
  const startedAt = performance.now();
  const children = Array.from({ length: jobs }, () => fork(join(root, 'test/torture/fast/job.ts')));
  const stop = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  const timer = setInterval(() => {
    const seconds = (performance.now() - startedAt) / 1_000;
    say(
      `${result.played} of ${schedules}, ${(result.played / seconds).toFixed(1)} a second, ${result.broken.length} broken`,
    );
    if (minutes !== null && seconds > minutes * 60) stop();
  }, progressMs);
  try {
    await Promise.all(
      children.map(async (child, index) => {
        child.on('message', (message) => {
          const news = message as JobNews;
          if (news.kind === 'played') result.played += 1;
          if (news.kind === 'told') say(news.story.join('\n'));
          if (news.kind === 'fault') {
            result.faults.push(news);
            say(`fault in ${news.seed}: ${news.text}`);
          }
          if (news.kind !== 'broken') return;
          result.broken.push(news);
          say([`broken: seed ${news.seed}`, ...news.laws.map((law) => `  ${law}`), ...news.story].join('\n'));
          if (news.laws.some((law) => options.until?.(law))) stop();
        });
        const order: JobOrder = {
          places: stores.places.slice(index * each, (index + 1) * each),
          seed,
          first: index,
          step: jobs,
          end: schedules,
          tells,
        };
        child.send(order);
        await once(child, 'exit');
      }),
    );
  } finally {
    clearInterval(timer);
    stop();
    if (options.stores === undefined) await stores.stop();
  }
  result.seconds = (performance.now() - startedAt) / 1_000;
  return result;
}

function jobsFor(schedules: number): number {
  return Math.min(availableParallelism(), mostJobs, schedules);
}

/** Gates and ledgers that so many schedules are played on at a time. */
export function placesFor(schedules: number): number {
  const jobs = jobsFor(schedules);
  return jobs * Math.min(sideBySide, Math.ceil(schedules / jobs));
}
