import type { Bell } from '@holdfast/core';
import { createEdgeGate, createWorkerGate, shardOf } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import {
  type BellRinger,
  createBellRinger,
  createCommitter,
  createCommitWorker,
  createDesk,
  createQueueView,
  createSweep,
} from '@holdfast/pipeline';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, reserve, statuses } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { plainSale } from '../support/house.ts';
import { until } from '../support/sales.ts';
import { freshDatabase, freshRedis } from '../support/stores.ts';

const shards = 2;

describe('a deployment of two shards', () => {
  let parts: Awaited<ReturnType<typeof open>>;
  let sales: string[];

  beforeAll(async () => {
    parts = await open();
    sales = oneOnEachShard('sale');
    for (const id of sales) await parts.desk.create(plainSale(id), null);
  });
  afterAll(() => parts.close());

  it('sells on both, by bells alone, and every ticket says its shard', async () => {
    const worker = await createCommitWorker({ redisUrl: parts.redisUrl, shards, committer: parts.committer });
    try {
      const tickets = await Promise.all(
        sales.flatMap((sale) => Array.from({ length: 12 }, (_, index) => ask(parts.edge, sale, `b${index}`))),
      );
      const admitted = tickets.flatMap((answer) => (answer.kind === 'admitted' ? [answer.ticket] : []));
      expect(admitted).toHaveLength(20);
      expect(admitted.map((ticket) => ticket.id.slice(0, 2)).sort()).toEqual([
        ...Array(10).fill('0-'),
        ...Array(10).fill('1-'),
      ]);
      await until('every ticket to be held', async () =>
        (await statuses(parts.edge, ...admitted)).every((status) => status === 'held'),
      );
      const listed = await parts.edge.listSales();
      expect(listed.kind === 'sales' && listed.sales.map((sale) => sale.id)).toEqual([...sales].sort());
      const view = await createQueueView({ redisUrl: parts.redisUrl, shards });
      const seen = await view.workers();
      expect(new Set(seen.map((one) => one.id)).size, 'no connection is shown twice').toBe(seen.length);
      expect(seen.length).toBeGreaterThan(0);
      for (const one of seen)
        expect(one).toMatchObject({
          address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
          ageSeconds: expect.any(Number),
        });
      await view.close();
    } finally {
      await worker.close();
    }
    for (const sale of sales) expect(await expectConservation(parts, sale)).toEqual({ tee: { held: 10 } });
  });

  it('shows per shard what waits for a worker', async () => {
    const view = await createQueueView({ redisUrl: parts.redisUrl, shards });
    try {
      expect(await view.workers()).toEqual([]);
      for (const [index, saleId] of sales.entries()) parts.bells.ring(bellFor(saleId, String(index), 1));
      await until('both bells to hang in their queues', async () =>
        (await view.counts()).every(({ name, waiting }) => name !== 'commit' || waiting === 1),
      );
      expect(await view.counts()).toMatchObject([
        { name: 'commit', shard: '0', waiting: 1, active: 0, failed: 0 },
        { name: 'commit', shard: '1', waiting: 1, active: 0, failed: 0 },
        { name: 'webhooks', waiting: 0, active: 0, failed: 0 },
      ]);
    } finally {
      await view.close();
    }
  });

  it('closes one that lost its memory, sells on at the other, and opens it again by the sweep', async () => {
    const [first, second] = oneOnEachShard('more');
    for (const id of [first, second]) await parts.desk.create(plainSale(id), null);
    const kept = await reserve(parts.edge, second, 'ann');
    await parts.committer.commitSale(second);
    const redis = new Redis(parts.redisUrl);
    await redis.del(...(await redis.keys('{s1}:*')));
    redis.disconnect();
    expect(await ask(parts.edge, second, 'bob')).toMatchObject({ code: 'gate_unavailable' });
    expect(await ask(parts.edge, first, 'bob')).toMatchObject({ kind: 'admitted' });
    expect(await parts.edge.listSales(), 'half a list would hide sales').toMatchObject({
      code: 'gate_unavailable',
    });
    await parts.sweep.sweepOnce();
    expect(await statuses(parts.edge, kept)).toEqual(['held']);
    await reserve(parts.edge, second, 'cem');
    for (const sale of [first, second]) await parts.committer.commitSale(sale);
    expect(await expectConservation(parts, first)).toEqual({ tee: { held: 1 } });
    expect(await expectConservation(parts, second)).toEqual({ tee: { held: 2 } });
  });
});

describe('bells', () => {
  it('of a rush are rung together: one in the queue and one behind it, which covers all that came meanwhile', async () => {
    const redis = await freshRedis();
    const bells = await createBellRinger({ redisUrl: redis.url });
    const view = await createQueueView({ redisUrl: redis.url });
    try {
      for (let seq = 1; seq <= 200; seq++) bells.ring(bellFor('rush', '0', seq));
      bells.ring({ ...bellFor('rush', '0', 1), epoch: 2 });
      bells.ring(bellFor('nowhere', '7', 1));
      await until('the bells to hang', async () => (await view.counts())[0]?.waiting === 1);
      expect(await view.counts()).toMatchObject([
        { name: 'commit', waiting: 1, active: 0, delayed: 0 },
        { name: 'webhooks', waiting: 0 },
      ]);
    } finally {
      await view.close();
      await bells.close();
    }
  });

  it('never make an edge fail: what is not rung while Redis is away is only reported', async () => {
    const redis = await freshRedis();
    const faults: Error[] = [];
    const bells = await createBellRinger({
      redisUrl: redis.url,
      onError: (error) => void faults.push(error),
    });
    await redis.kill();
    expect(() => bells.ring(bellFor('sale', '0', 1))).not.toThrow();
    await until('the fault to be reported', async () => faults.length > 0);
    await bells.close();
  });
});

function oneOnEachShard(name: string): [string, string] {
  const ids = Array.from({ length: 40 }, (_, index) => `${name}-${index}`);
  const onShard = (shard: string) => ids.find((id) => shardOf(id, shards) === shard) ?? '';
  return [onShard('0'), onShard('1')];
}

function bellFor(saleId: string, shard: string, seq: number): Bell {
  return { saleId, shard, epoch: 1, fromSeq: seq, toSeq: seq };
}

async function open() {
  const { url: redisUrl } = await freshRedis();
  const databaseUrl = await freshDatabase();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  const ledger = createLedger({ url: databaseUrl });
  const gate = await createWorkerGate({ redisUrl, shards });
  const committer = createCommitter({ ledger, gate });
  const sweep = createSweep({ ledger, gate, committer }, { everyMs: 600_000 });
  const bells: BellRinger = await createBellRinger({ redisUrl, shards });
  for (const shard of ['0', '1']) await gate.markBooted(shard);
  const edge = await createEdgeGate({ redisUrl, shards, ring: bells.ring });
  const desk = createDesk({
    ledger,
    gate,
    committer,
    secret: 'for tests',
    shardOf: (saleId) => shardOf(saleId, shards),
    log: { warn: () => undefined },
  });
  return {
    redisUrl,
    ledger,
    gate,
    committer,
    sweep,
    bells,
    edge,
    desk,
    rows: async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
      (await pool.query<Row>(sql, values)).rows,
    async close() {
      await edge.close();
      await bells.close();
      await sweep.close();
      await gate.close();
      await ledger.close();
      await pool.end();
    },
  };
}
