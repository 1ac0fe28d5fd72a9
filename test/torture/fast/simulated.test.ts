import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { freshRedis } from '../../support/stores.ts';
import { createSimulated, type Simulated, simulateProcesses } from './simulated.ts';

let redisUrl: string;
const late: (() => void)[] = [];
const started: Simulated[] = [];

beforeAll(async () => {
  simulateProcesses();
  ({ url: redisUrl } = await freshRedis());
});

afterAll(() => {
  for (const process of started) process.kill();
});

/** A process with a connection of its own, on which it counts. */
async function start(name: string) {
  const story: string[] = [];
  const process = createSimulated(name, {
    copy: async () => void story.push('copied'),
    note: (line) => story.push(line),
    postpone: (deliver) => late.push(deliver),
  });
  started.push(process);
  const opened = await process.run(async () => new Redis(redisUrl));
  if (opened.kind !== 'done') throw new Error(opened.kind);
  const redis = opened.answer;
  return { process, story, count: () => process.run(() => redis.incr(name)) };
}

async function counted(name: string): Promise<number> {
  const redis = new Redis(redisUrl);
  const count = Number(await redis.get(name));
  redis.disconnect();
  return count;
}

describe('a simulated process', () => {
  it('that dies before its command left has done nothing', async () => {
    const { process, count, story } = await start('before');
    expect(await count()).toEqual({ kind: 'done', answer: 1 });
    process.arm({ kind: 'dies', at: 1 });
    expect(await count()).toEqual({ kind: 'dead' });
    expect(await counted('before')).toBe(1);
    expect(story).toEqual(['before dies before gate:incr']);
    expect(process.isAlive()).toBe(false);
  });

  it('that dies when its reply comes has done it, and nobody hears of it', async () => {
    const { process, count } = await start('after');
    process.arm({ kind: 'dies', at: 2 });
    expect(await count()).toEqual({ kind: 'dead' });
    expect(await counted('after')).toBe(1);
  });

  it('that loses a reply is told that the connection broke, though it was done', async () => {
    const { process, count } = await start('loses');
    process.arm({ kind: 'loses', at: 2 });
    expect((await count()).kind).toBe('failed');
    expect(await counted('loses')).toBe(1);
    expect(await count()).toEqual({ kind: 'done', answer: 2 });
  });

  it('whose command is late is told that the connection broke, and it is done afterwards', async () => {
    const { process, count } = await start('late');
    process.arm({ kind: 'late', at: 1 });
    expect((await count()).kind).toBe('failed');
    expect(await counted('late')).toBe(0);
    for (const deliver of late.splice(0)) deliver();
    expect(await count()).toEqual({ kind: 'done', answer: 2 });
  });

  it('that is frozen goes on in its order when it is thawed, and not at all when it is killed', async () => {
    for (const ending of ['thaw', 'kill'] as const) {
      const { process, count } = await start(`frozen ${ending}`);
      process.arm({ kind: 'freezes', at: 1 });
      const answers = [count(), count()];
      await process.stuck();
      expect(process.isFrozen()).toBe(true);
      expect(await counted(`frozen ${ending}`)).toBe(0);
      process[ending]();
      const dead = { kind: 'dead' };
      expect(await Promise.all(answers)).toEqual(
        ending === 'thaw' ? [1, 2].map((answer) => ({ kind: 'done', answer })) : [dead, dead],
      );
      expect(await counted(`frozen ${ending}`)).toBe(ending === 'thaw' ? 2 : 0);
    }
  });
});
