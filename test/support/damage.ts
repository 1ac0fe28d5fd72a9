/** What only a disaster does to a store, done by hand. */
import { Redis } from 'ioredis';
import type { House } from './house.ts';

/** The gate's memory is gone, as after FLUSHALL or a start on an empty disk. */
export function emptyRedis(house: House): Promise<void> {
  return withRedis(house, async (redis) => {
    await redis.flushall();
  });
}

/** Remembers what the gate holds now; calling the answer puts exactly that back, as a restart from an old file does. */
export async function rememberGate(house: House): Promise<() => Promise<void>> {
  const memory = await withRedis(house, async (redis) =>
    Promise.all(
      (await gateKeys(redis)).map(async (key) => ({
        key,
        ttl: await redis.pttl(key),
        text: await redis.dumpBuffer(key),
      })),
    ),
  );
  return () =>
    withRedis(house, async (redis) => {
      const changes = redis.multi();
      for (const key of await gateKeys(redis)) changes.del(key);
      for (const { key, ttl, text } of memory)
        if (text !== null) changes.restore(key, Math.max(0, ttl), text);
      await changes.exec();
    });
}

export async function withRedis<Answer>(
  house: House,
  work: (redis: Redis) => Promise<Answer>,
): Promise<Answer> {
  const redis = new Redis(house.redis.url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Without the queue's: a bell more or less changes nothing. */
async function gateKeys(redis: Redis): Promise<string[]> {
  return (await redis.keys('*')).filter((key) => !key.includes(':commit:'));
}

export class Killed extends Error {}

/** The room's `verb` kills whoever calls it for the `turn`th time, before anything happens or right after it. */
export function dying<Room extends object>(
  room: Room,
  verb: keyof Room,
  when: 'before' | 'after',
  turn = 1,
): Room {
  let calls = 0;
  return {
    ...room,
    [verb]: async (...args: unknown[]) => {
      calls++;
      const call = () => (room[verb] as (...args: unknown[]) => Promise<unknown>)(...args);
      if (calls !== turn) return call();
      if (when === 'after') await call();
      throw new Killed(String(verb));
    },
  };
}
