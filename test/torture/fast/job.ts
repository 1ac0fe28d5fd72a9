/**
 * One process of a fast run: plays its share of the schedules, several side by side, since most of the time of each is
 * spent waiting for a store. Asked and answered over the channel to its parent.
 */
import { judge } from './judge.ts';
import { play } from './play.ts';
import { scheduleOf } from './schedule.ts';
import { openShop, sentence } from './shop.ts';
import { simulateProcesses } from './simulated.ts';
import type { Place } from './stores.ts';

export interface JobOrder {
  places: Place[];
  seed: number;
  first: number;
  step: number;
  end: number;
  /** Also of what went well. */
  tells: boolean;
}

export type JobNews =
  | { kind: 'played'; seed: number; ms: number }
  | { kind: 'broken'; seed: number; laws: string[]; story: string[] }
  | { kind: 'told'; seed: number; story: string[] }
  | { kind: 'fault'; seed: number; text: string };

simulateProcesses();
process.on('unhandledRejection', (error) => say({ kind: 'fault', seed: 0, text: sentence(error as Error) }));
process.once('message', (order) => void work(order as JobOrder));

async function work({ places, seed, first, step, end, tells }: JobOrder): Promise<void> {
  let next = first;
  await Promise.all(
    places.map(async ({ redisUrl, databaseUrl }) => {
      const shop = openShop(redisUrl, databaseUrl);
      for (; next < end; ) {
        const mine = seed + next;
        next += step;
        const startedAt = performance.now();
        try {
          const schedule = scheduleOf(mine);
          const played = await play(shop, schedule, `s${mine}`);
          const laws = await judge(shop, schedule, played);
          const story = [JSON.stringify(schedule.terms), ...played.story];
          if (laws.length > 0) say({ kind: 'broken', seed: mine, laws, story });
          else if (tells) say({ kind: 'told', seed: mine, story });
        } catch (error) {
          say({ kind: 'fault', seed: mine, text: sentence(error as Error) });
        }
        say({ kind: 'played', seed: mine, ms: performance.now() - startedAt });
      }
      await shop.close();
    }),
  );
  process.disconnect();
  setTimeout(() => process.exit(), 1_000).unref();
}

function say(news: JobNews): void {
  process.send?.(news);
}
