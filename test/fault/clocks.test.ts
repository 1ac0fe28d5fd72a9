import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Ticket } from '@holdfast/core';
import { afterEach, describe, expect, it } from 'vitest';
import { tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buyMany, openTees, until } from '../support/sales.ts';
import { startWorker, type WorkerProcess } from '../support/worker-process.ts';

const hourMs = 3_600_000;
const holdSeconds = 2;
const clock = pathToFileURL(join(import.meta.dirname, '../support/shifted-clock.ts')).href;

/** Settings of a process whose clock is so many hours off. */
const off = (hours: number) => ({
  NODE_OPTIONS: `--import=${clock}`,
  SHIFT_CLOCK_MS: String(hours * hourMs),
});

describe('when a clock is wrong', () => {
  let house: House;
  const processes: (WorkerProcess | EdgeProcess)[] = [];

  afterEach(async () => {
    for (const one of processes.splice(0)) await one.kill();
    await house.close();
  });

  it.each([
    ['seven hours fast', 7],
    ['seven hours slow', -7],
  ])(
    'F37: the only worker’s clock is %s and the edge’s is off the other way: no hold lapses before its deadline, and none stays',
    async (_, hours) => {
      house = await openHouse({ workers: 0 });
      const startedAt = Date.now();
      const short = await openTees(house, 20, { holdSeconds });
      const long = await openTees(house, 20);
      const stores = { DATABASE_URL: house.databaseUrl, REDIS_URL: house.redis.url };
      const [worker, edge] = await Promise.all([
        startWorker({ ...stores, ...off(hours) }),
        startEdge({ REDIS_URL: house.redis.url, ...off(-hours) }),
      ]);
      processes.push(worker, edge);
      const post = async (path: string, body: object) => {
        const answer = await fetch(`${edge.url}${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(30_000),
        });
        return { status: answer.status, body: (await answer.json()) as { id: string } };
      };
      const buy = (sale: string) =>
        Promise.all(
          Array.from({ length: 20 }, (__, index) =>
            post(`/v1/sales/${sale}/reservations`, { buyerId: `b${index}` }),
          ),
        );
      const paying = await buy(long);
      await atRest(house, long, 30_000);
      await buy(short);
      for (const { body } of paying.slice(0, 10))
        expect((await post(`/v1/tickets/${body.id}/confirm`, {})).status).toBeLessThan(300);
      await until(
        'the short holds to lapse',
        async () => (await endingsOf(house, short)).length === 20,
        30_000,
      );
      await atRest(house, long, 30_000);
      const endedAt = Date.now();

      for (const [sale, seconds] of [
        [short, holdSeconds],
        [long, 300],
      ] as const) {
        const deadlines = new Map<string | null, number>();
        for (const { type, ticketId, at, data } of await house.ledger.journal(sale, 0, 1_000)) {
          if (ticketId === null) continue;
          if (type === 'held') deadlines.set(ticketId, data.expiresAt ?? 0);
          if (type === 'held') expect(data.expiresAt, 'a whole hold').toBe(at + seconds * 1_000);
          if (type === 'expired') expect(at, 'not early').toBeGreaterThan(deadlines.get(ticketId) ?? 0);
          // The gate's clock is this machine's, and right.
          expect(at, `${type} has happened now`).toBeGreaterThanOrEqual(startedAt);
          expect(at, `${type} has happened now`).toBeLessThanOrEqual(endedAt);
        }
        expect(deadlines.size).toBe(20);
      }
      expect(await expectConservation(house, short)).toEqual({ tee: { expired: 20 } });
      expect(await expectConservation(house, long)).toEqual({ tee: { confirmed: 10, held: 10 } });
    },
    120_000,
  );

  it.each([
    ['comes five hours late', postponeWakes],
    ['is lost', loseWakes],
  ])('F38, F39: the delayed job that should wake a worker %s: holds lapse without it', async (_, meddle) => {
    house = await openHouse({ workers: 1 });
    const sale = await openTees(house, 5, { holdSeconds: 1 });
    const tickets = await buyMany(house.edge, sale, 'b', 5);
    await tell(house.edge, tickets[0] as Ticket, 'confirm');
    await until('the wakes to be there', async () => (await meddle(house)) > 0);
    await until('the holds to lapse', async () => (await house.ledger.nextDeadline(sale)) === null);
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, expired: 4 } });
  });
});

async function endingsOf(house: House, sale: string) {
  const journal = await house.ledger.journal(sale, 0, 1_000);
  return journal.filter(({ type }) => type === 'expired');
}

/** Moves every delayed job of the queue five hours on, by its score; answers with how many there are. */
function postponeWakes(house: House): Promise<number> {
  // BullMQ keeps twelve bits below the milliseconds.
  const late = 5 * hourMs * 0x1000;
  return withRedis(house, async (redis) => {
    const wakes = await redis.zrange('{s0}:commit:delayed', '0', '-1');
    for (const wake of wakes) await redis.zincrby('{s0}:commit:delayed', late, wake);
    return wakes.length;
  });
}

function loseWakes(house: House): Promise<number> {
  return withRedis(house, (redis) => redis.del('{s0}:commit:delayed'));
}
