import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@holdfast/runtime/local-stores';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, read, reserve, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, ticketOf, until } from '../support/sales.ts';
import { freshRedis, smallDisk } from '../support/stores.ts';

const scripts = join(import.meta.dirname, '../../packages/gate/src/lua');
/** What empties a full Redis, and what only looks: these go on without room. */
const withoutRoom = ['count', 'read-intake', 'read-sale', 'read-tickets', 'settle'];

describe('when Redis takes no writes', () => {
  let house: House;
  let redis: Redis;

  beforeEach(async () => {
    house = await openHouse({ workers: 0 });
    redis = new Redis(house.redis.url);
  });
  afterEach(async () => {
    redis.disconnect();
    await house.close();
  });

  /** Buys until the gate is closed; how many got in. */
  async function fill(sale: string): Promise<number> {
    for (let admitted = 0; ; ) {
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, index) => ask(house.edge, sale, `f${admitted}-${index}`)),
      );
      admitted += answers.filter((answer) => ticketOf(answer) !== null).length;
      const refused = answers.find((answer) => answer.kind === 'refused');
      if (refused === undefined) continue;
      expect(refused).toMatchObject({ code: 'gate_unavailable', retryAfterSeconds: 1 });
      return admitted;
    }
  }

  it('F09: full, it is closed to newcomers, tickets are still read, and it empties itself into the ledger', async () => {
    const sale = await openTees(house, 100_000);
    const first = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await redis.config('SET', 'maxmemory', String((await usedMemory(redis)) + 600_000));
    const admitted = await fill(sale);
    expect(admitted).toBeGreaterThan(64);
    expect(await redis.xlen(`{s0}:intake:${sale}`), 'one entry for each, and the anchor').toBe(admitted + 1);
    // What is used goes up and down by itself: from here on there is no room for anything.
    await redis.config('SET', 'maxmemory', String((await usedMemory(redis)) - 20_000));
    expect((await read(house.edge, first)).status).toBe('held');
    expect(await tell(house.edge, first, 'confirm')).toMatchObject({ code: 'gate_unavailable' });

    await house.commit(sale);
    await until('the gate to sell again', () => buy(house.edge, sale, 'bob'));
    expect(await tell(house.edge, first, 'confirm')).toMatchObject({ kind: 'appended' });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: admitted + 1, confirmed: 1 } });
  });

  it('F09: full, every script but those that empty it or only look is refused before it begins', async () => {
    await redis.config('SET', 'maxmemory', '1');
    const refused: string[] = [];
    const begun: string[] = [];
    for (const file of readdirSync(scripts)) {
      const source = readFileSync(join(scripts, file), 'utf8');
      const answer = await redis.eval(source, 1, '{s0}:no-such-key').then(
        () => 'begun',
        (error: Error) => error.message,
      );
      (answer.startsWith('OOM ') ? refused : begun).push(file.replace('.lua', ''));
    }
    expect(begun.sort()).toEqual(withoutRoom);
    expect(refused.length + begun.length).toBe(readdirSync(scripts).length);
  });

  it('F09: full while a gate is being rebuilt, the rebuild is not half done: limits and keys are there when it is', async () => {
    const sale = await openTees(house, 1_000, { perBuyerLimit: 1 });
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => ask(house.edge, sale, `b${index}`, 1, `key-${index}`)),
    );
    await house.commit(sale);
    await redis.del(`{s0}:sale:${sale}`);
    for (let room = 20_000; room <= 640_000; room += 20_000) {
      await redis.config('SET', 'maxmemory', String((await usedMemory(redis)) + room));
      await house.commit(sale).catch(() => undefined);
    }
    await redis.config('SET', 'maxmemory', '0');
    const worker = await house.addWorker();
    await atRest(house, sale);
    await worker.close();
    expect(await ask(house.edge, sale, 'b299', 1, 'key-299')).toMatchObject({ replayed: true });
    expect(await ask(house.edge, sale, 'b298')).toMatchObject({ code: 'limit_reached' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 300 } });
  });

  it('F09: made read-only, as an old master is, nothing is taken, and the sale goes on when it is not any more', async () => {
    const sale = await openTees(house, 20);
    const first = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await redis.call('REPLICAOF', '127.0.0.1', String(await freePort()));
    for (const answer of [await ask(house.edge, sale, 'bob'), await tell(house.edge, first, 'confirm')])
      expect(answer).toMatchObject({ code: 'gate_unavailable', retryAfterSeconds: 1 });
    await expect(house.commit(sale)).rejects.toThrow(/READONLY/);
    await redis.call('REPLICAOF', 'NO', 'ONE');
    expect((await buyMany(house.edge, sale, 'c', 30)).filter((ticket) => ticket !== null)).toHaveLength(19);
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 20 } });
  });
});

describe('when the disk of Redis is full (needs root)', () => {
  const disk = smallDisk(24);

  it.skipIf(disk === null)(
    'F09: with appendfsync always it ends rather than acknowledge, and has every ticket when there is room',
    async () => {
      if (disk === null) return;
      const redis = await freshRedis({}, join(disk.dir, 'always'));
      const house = await openHouse({ redis, workers: 1 });
      try {
        const sale = await openTees(house, 100_000);
        const kept = await buyMany(house.edge, sale, 'a', 10);
        disk.fill(200_000);
        const died = new Promise<void>((resolve) => redis.onDeath(() => resolve()));
        for (let round = 0; redis.pid !== null; round++) {
          const answers = await Promise.all(
            Array.from({ length: 64 }, (_, index) => ask(house.edge, sale, `b${round}-${index}`)),
          );
          kept.push(...answers.map(ticketOf));
        }
        await died;
        expect(await ask(house.edge, sale, 'late')).toMatchObject({ code: 'gate_unavailable' });
        disk.empty();
        await redis.restart();
        kept.push(await until('the gate to sell again', () => buy(house.edge, sale, 'after')));
        const ids = kept.flatMap((ticket) => (ticket === null ? [] : [ticket.id]));
        await expectConservation(house, sale);
        expect(await house.ledger.readReservations(sale, ids)).toHaveLength(ids.length);
      } finally {
        await house.close();
        await redis.stop();
      }
    },
    60_000,
  );

  it.skipIf(disk === null)(
    'F09: with appendfsync everysec it refuses (MISCONF), and goes on by itself when there is room',
    async () => {
      if (disk === null) return;
      const redis = await freshRedis({ appendfsync: 'everysec' }, join(disk.dir, 'everysec'));
      const house = await openHouse({ redis, workers: 1 });
      try {
        const sale = await openTees(house, 100_000);
        disk.fill(200_000);
        const refused = await until('the gate to be closed', async () => {
          const answers = await Promise.all(
            Array.from({ length: 64 }, () => ask(house.edge, sale, `b${Math.random()}`)),
          );
          return answers.find((answer) => answer.kind === 'refused') ?? null;
        });
        expect(refused).toMatchObject({ code: 'gate_unavailable' });
        disk.empty();
        await until('the gate to sell again', () => buy(house.edge, sale, 'after'));
        await expectConservation(house, sale);
      } finally {
        await house.close();
        await redis.stop();
      }
    },
    60_000,
  );
});

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}
