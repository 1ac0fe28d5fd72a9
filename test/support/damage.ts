/** What only a disaster does to a store, done by hand. */
import { Redis } from 'ioredis';
import { tipAfter } from '../../packages/gate/src/entry-format.ts';
import type { House } from './house.ts';

/** The gate's memory is gone, as after FLUSHALL or a start on an empty disk. */
export function emptyRedis(house: Pick<House, 'redis'>): Promise<void> {
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
  house: Pick<House, 'redis'>,
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

/**
 * An entry that no script of ours wrote, chained like any; `units` of `tee` are counted as given for it. A function is told
 * its seq and the gate's time.
 */
export async function plantEntry(
  house: House,
  saleId: string,
  text: string | ((seq: number, now: number) => string),
  units = 0,
): Promise<number> {
  return withRedis(house, async (redis) => {
    const key = `{s0}:sale:${saleId}`;
    const [seq = '0', tip = '', time = '0'] = (await redis.hmget(key, 'seq', 'tip', 'time')) as string[];
    const next = Number(seq) + 1;
    const packed = typeof text === 'string' ? text : text(next, Number(time));
    const after = tipAfter(tip, packed);
    const answers = await redis
      .multi()
      .xadd(`{s0}:intake:${saleId}`, `${next}-0`, 'e', packed, 'h', after)
      .hset(key, 'seq', next, 'tip', after)
      .hincrby(key, 'admitted:tee', units)
      .exec();
    for (const [error] of answers ?? []) if (error !== null) throw error;
    return next;
  });
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
