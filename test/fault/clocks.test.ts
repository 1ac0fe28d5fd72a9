import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
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
      const sale = await openTees(house, 40, { holdSeconds });
      const stores = { DATABASE_URL: house.databaseUrl, REDIS_URL: house.redis.url };
      const worker = await startWorker({ ...stores, ...off(hours) });
      const edge = await startEdge({ REDIS_URL: house.redis.url, ...off(-hours) });
      processes.push(worker, edge);
      const post = (path: string, body: object) =>
        fetch(`${edge.url}${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', Prefer: 'wait=10' },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(20_000),
        });
      const held = await Promise.all(
        Array.from({ length: 20 }, async (__, index) => {
          const answer = await post(`/v1/sales/${sale}/reservations`, { buyerId: `b${index}` });
          return (await answer.json()) as { id: string };
        }),
      );
      const paid = await Promise.all(
        held.slice(0, 10).map(async ({ id }) => {
          const answer = await post(`/v1/tickets/${id}/confirm`, {});
          return { id, isTold: answer.status === 200, body: (await answer.json()) as { code?: string } };
        }),
      );
      await until('the other holds to lapse', async () => {
        const journal = await house.ledger.journal(sale, 0, 1_000);
        const ended = journal.filter(({ type }) => type === 'expired' || type === 'confirmed');
        return new Set(ended.map(({ ticketId }) => ticketId)).size === 20;
      });
      await atRest(house, sale);
      const endedAt = Date.now();

      const journal = await house.ledger.journal(sale, 0, 1_000);
      const deadlines = new Map<string | null, number>();
      for (const { type, ticketId, at, data } of journal) {
        if (type === 'held') {
          expect(data.expiresAt, 'a whole hold').toBe(at + holdSeconds * 1_000);
          deadlines.set(ticketId, data.expiresAt ?? 0);
        }
        if (type === 'expired') expect(at, 'not early').toBeGreaterThan(deadlines.get(ticketId) ?? 0);
        if (ticketId === null) continue;
        // The gate's clock is this machine's, and right.
        expect(at, `${type} has happened now`).toBeGreaterThanOrEqual(startedAt);
        expect(at, `${type} has happened now`).toBeLessThanOrEqual(endedAt);
      }
      expect(deadlines.size).toBe(20);
      // On a slow machine a payment may come too late; then its buyer was told so.
      const confirmed = paid.filter(({ isTold }) => isTold).length;
      for (const { isTold, body } of paid) if (!isTold) expect(body.code).toBe('hold_expired');
      expect(confirmed).toBeGreaterThan(0);
      expect(await expectConservation(house, sale)).toEqual({
        tee: { confirmed, expired: 20 - confirmed },
      });
      expect(await house.edge.readSale(sale)).toMatchObject({
        sale: { items: [{ available: 40 - confirmed }] },
      });
    },
    60_000,
  );

  it('F38: the delayed job that should wake a worker comes five hours late: holds lapse without it', async () => {
    house = await openHouse({ workers: 1 });
    const sale = await openTees(house, 5, { holdSeconds: 1 });
    const tickets = await buyMany(house.edge, sale, 'b', 5);
    await tell(house.edge, tickets[0] as never, 'confirm');
    const postponed = await until(
      'the wakes to be postponed',
      async () => (await postponeWakes(house)) || null,
    );
    await until('the holds to lapse', async () => {
      const due = await house.ledger.nextDeadline(sale);
      return due === null;
    });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, expired: 4 } });
    expect(await postponeWakes(house), 'they are still to come').toBe(postponed);
  });
});

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
