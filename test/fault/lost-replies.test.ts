import type { Bell } from '@holdfast/core';
import { createEdgeGate, createWorkerGate } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import { createCommitter } from '@holdfast/pipeline';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import { openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, openTees, ticketOf, until } from '../support/sales.ts';

describe('when an answer is lost on its way', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('F01: a buyer who drops and asks again with the same key has one ticket and one unit', async () => {
    const sale = await openTees(house, 5);
    const request = {
      saleId: sale,
      buyerId: 'ann',
      lines: [{ sku: 'tee', quantity: 1 }],
      idempotencyKey: 'once',
    };
    const answers = await Promise.all(Array.from({ length: 20 }, () => house.edge.reserve(request)));
    await house.commit(sale);
    const again = await house.edge.reserve(request);
    const ids = new Set([...answers, again].map((answer) => ticketOf(answer)?.id));
    expect(ids.size).toBe(1);
    expect(again).toMatchObject({ kind: 'admitted', replayed: true, ticket: { status: 'held' } });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('F03: a call that the gate carried out and whose reply was lost is sent again and counted once', async () => {
    const sale = await openTees(house, 5);
    const line = await openFaultyLine(Number(new URL(house.redis.url).port));
    const edge = await createEdgeGate({ redisUrl: `redis://127.0.0.1:${line.port}`, ring: () => undefined });
    try {
      await edge.readSale(sale);
      const lost = line.loseReplyTo('buyer-of-the-lost-reply');
      const ticket = await buy(edge, sale, 'buyer-of-the-lost-reply');
      await lost;
      expect(ticket).toMatchObject({ seq: 1 });
      const gate = await house.gate.counts(sale, 0);
      expect(gate, 'one place, one unit').toMatchObject({ seq: 1, items: [{ admitted: 1, inIntake: 1 }] });
      await house.commit(sale);
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
    } finally {
      await edge.close();
      await line.close();
    }
  });

  it('F06: tickets whose bell was never rung become holds: the sweep finds what stands still', async () => {
    const sale = await openTees(house, 50);
    const bells: Bell[] = [];
    const edge = await createEdgeGate({ redisUrl: house.redis.url, ring: (bell) => void bells.push(bell) });
    for (let buyer = 0; buyer < 10; buyer++) await buy(edge, sale, `b${buyer}`);
    await edge.close();
    expect(bells.length).toBeGreaterThan(0);
    const worker = await house.addWorker();
    await atRest(house, sale);
    await worker.close();
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 10 } });
  });

  it('F03: a piece of a rebuild whose reply was lost is sent again and carried over once', async () => {
    const sale = await openTees(house, 5);
    const undecided = await buy(house.edge, sale, 'ann');
    const line = await openFaultyLine(Number(new URL(house.redis.url).port));
    const gate = await createWorkerGate({ redisUrl: `redis://127.0.0.1:${line.port}` });
    try {
      await withRedis(house, (redis) => redis.del(`{s0}:sale:${sale}`));
      const lost = line.loseReplyTo(undecided?.id ?? '');
      await createCommitter({ ledger: house.ledger, gate }).commitSale(sale);
      await lost;
      await house.commit(sale);
      const journal = await house.ledger.journal(sale, 0, 100);
      expect(journal.map((event) => event.type)).not.toContain('handed_back');
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
    } finally {
      await gate.close();
      await line.close();
    }
  });

  it('F07: a bell that rings twenty times at three workers makes each ticket a hold once', async () => {
    const sale = await openTees(house, 50);
    for (let buyer = 0; buyer < 30; buyer++) await buy(house.edge, sale, `b${buyer}`);
    const redis = new Redis(house.redis.url);
    const queue = new Queue('commit', { connection: redis, prefix: '{s0}' });
    const bell = { saleId: sale, epoch: 1, fromSeq: 1, toSeq: 30 };
    // Each under an id of its own, so that the queue takes them for different ones.
    for (let time = 0; time < 20; time++) await queue.add('commit', bell, { jobId: `again-${time}` });
    const workers = await Promise.all([1, 2, 3].map(() => house.addWorker()));
    await until('every bell to be answered', async () => {
      const counts = await queue.getJobCounts('wait', 'active', 'failed');
      return Object.values(counts).every((count) => count === 0);
    });
    await atRest(house, sale);
    for (const worker of workers) await worker.close();
    await queue.close();
    redis.disconnect();
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 30 } });
    const journal = await house.ledger.journal(sale, 0, 1_000);
    const decided = journal.filter(({ ticketId }) => ticketId !== null);
    expect(decided.map(({ type, data }) => `${type} ${data.seq}`)).toEqual(
      Array.from({ length: 30 }, (_, index) => `held ${index + 1}`),
    );
  });

  it('F19: a COMMIT whose answer was lost is neither repeated nor forgotten', async () => {
    const sale = await openTees(house, 50);
    for (let buyer = 0; buyer < 10; buyer++) await buy(house.edge, sale, `b${buyer}`);
    const url = new URL(house.databaseUrl);
    const line = await openFaultyLine(Number(url.port));
    url.port = String(line.port);
    const ledger = createLedger({ url: url.href, maxConnections: 2 });
    const committer = createCommitter({ ledger, gate: house.gate });
    try {
      const lost = line.loseReplyTo('commit\0');
      await expect(committer.commitSale(sale)).rejects.toThrow(/could not be committed/);
      await lost;
      expect((await ledger.readSale(sale))?.cursor.committedSeq).toBe(10);
      await committer.commitSale(sale);
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 10 } });
    } finally {
      await ledger.close();
      await line.close();
    }
  });
});
