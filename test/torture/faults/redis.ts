import { cpSync, existsSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '@holdfast/runtime/local-stores';
import { Redis } from 'ioredis';
import { openLine } from '../line.ts';
import type { Fault } from '../plan.ts';
import type { Stage, StoreAt } from '../stage.ts';
import { type Deeds, done, type Outcome } from './deed.ts';

/** What a cut may take off the file's end at most. */
const tailMaxBytes = 200_000;
const syncMs = 20_000;
const lookAgainMs = 50;

let replicas = 0;

/** What may happen to Redis's memory: all that loses what it acknowledged. */
export function redisDeeds(stage: Stage): Deeds {
  return {
    async 'redis-tail'({ chance }) {
      const { store, dir } = stage.redis;
      await store.kill();
      const lost = cutTail(dir, chance);
      await startAnyhow(stage.redis);
      return { kind: 'done', detail: `${lost} bytes lost` };
    },

    async 'redis-old-file'({ lastsMs }) {
      const { store, dir } = stage.redis;
      const old = join(dir, 'appendonlydir.old');
      rmSync(old, { recursive: true, force: true });
      cpSync(folderOf(dir), old, { recursive: true });
      await sleep(lastsMs);
      await store.kill();
      rmSync(folderOf(dir), { recursive: true });
      cpSync(old, folderOf(dir), { recursive: true });
      rmSync(old, { recursive: true });
      const how = await startAnyhow(stage.redis);
      return { kind: 'done', detail: `a file that was ${lastsMs} ms old${how}` };
    },

    async 'redis-flush'() {
      await withRedis(stage.redis, (redis) => redis.flushall());
      return done;
    },

    async 'redis-empty'() {
      const { store, dir } = stage.redis;
      await store.kill();
      rmSync(folderOf(dir), { recursive: true, force: true });
      await store.restart();
      return done;
    },

    'promote-replica': (fault) => promote(stage, fault),
  };
}

/**
 * A replica is cut off from its master, promoted without what the master acknowledged since, and some of the apps are
 * led to it at once; the others go on with the old master for as long again, which still answers them.
 */
async function promote(stage: Stage, { lastsMs, chance }: Fault): Promise<Outcome> {
  const old = stage.redis;
  replicas += 1;
  const dir = join(dirname(old.dir), `redis-${replicas}`);
  const fresh: StoreAt = { store: await startRedis({ dir }), dir };
  const link = await openLine(old.store.port);
  try {
    const synced = await withRedis(fresh, async (redis) => {
      await redis.replicaof('127.0.0.1', link.port);
      return inSync(redis);
    });
    if (!synced) {
      await fresh.store.stop();
      return { kind: 'skipped', why: 'the replica did not come into sync' };
    }
    link.cut();
    await sleep(lastsMs);
    await withRedis(fresh, (redis) => redis.replicaof('NO', 'ONE'));
    const lines = stage.linesTo('redis');
    const early = lines.filter((_, index) => (Math.floor(chance * 2 ** lines.length) >> index) % 2 === 1);
    for (const line of early) line.lead(fresh.store.port);
    await sleep(lastsMs);
    for (const line of lines) if (!early.includes(line)) line.lead(fresh.store.port);
    stage.redis = fresh;
    return {
      kind: 'done',
      detail: `${early.length} of ${lines.length} processes changed over ${lastsMs} ms before the others`,
    };
  } finally {
    await link.close();
    if (stage.redis === fresh) {
      await old.store.stop();
      rmSync(old.dir, { recursive: true, force: true });
    }
  }
}

async function inSync(redis: Redis): Promise<boolean> {
  const giveUpAt = performance.now() + syncMs;
  while (performance.now() < giveUpAt) {
    const replication = await redis.info('replication');
    const persistence = await redis.info('persistence');
    if (replication.includes('master_link_status:up') && persistence.includes('aof_rewrite_in_progress:0'))
      return true;
    await sleep(lookAgainMs);
  }
  return false;
}

/** A file that Redis does not start from is thrown away, as the runbook says; then the gates are rebuilt. */
async function startAnyhow({ store, dir }: StoreAt): Promise<string> {
  try {
    await store.restart();
    return '';
  } catch {
    rmSync(folderOf(dir), { recursive: true, force: true });
    await store.restart();
    return ', from which it did not start: started empty';
  }
}

function cutTail(dir: string, chance: number): number {
  const manifest = readFileSync(join(folderOf(dir), 'appendonly.aof.manifest'), 'utf8');
  const last = [...manifest.matchAll(/^file (\S+) .*type i\s*$/gm)].at(-1)?.[1];
  if (last === undefined) return 0;
  const file = join(folderOf(dir), last);
  if (!existsSync(file)) return 0;
  const { size } = statSync(file);
  const lost = Math.min(size, 1 + Math.floor(chance ** 3 * tailMaxBytes));
  truncateSync(file, size - lost);
  return lost;
}

function folderOf(dir: string): string {
  return join(dir, 'appendonlydir');
}

async function withRedis<Answer>(
  { store }: StoreAt,
  work: (redis: Redis) => Promise<Answer>,
): Promise<Answer> {
  const redis = new Redis(store.url);
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
