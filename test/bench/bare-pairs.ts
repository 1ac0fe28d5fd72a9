/** P1, P2, P4, P8, P9: one edge process (and the commit run behind it) held against a server that does nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { sku } from './contestant.ts';
import { brokenLaws, planOf, untilQuiet } from './crowd.ts';
import type { Holdfast } from './holdfast.ts';
import type { LoadPlan, LoadReport } from './load.ts';
import type { Load } from './load-process.ts';
import type { Size } from './options.ts';
import type { Stores } from './stores.ts';
import { measureUnnest } from './unnest.ts';

const connections = 64;
const admitWithinSeconds = 60;
const commitWithinSeconds = 120;
const ticketsToPoll = 500;

export interface BarePairs {
  soldOut: Pairs;
  admitted: Pairs;
  polls: Pairs;
  /** Durable reservations a second; the other side is the bare unnest. */
  commitRun: Pairs;
  redisBytesPerTicket: number[];
  broken: string[];
}

/** The same measure by Holdfast and by the bare one, round by round; a second's count each. */
export interface Pairs {
  own: number[];
  bare: number[];
}

export async function measureBarePairs(
  holdfast: Holdfast,
  barePort: number,
  load: Load,
  stores: Stores,
  size: Size,
): Promise<BarePairs> {
  const pairs: BarePairs = {
    soldOut: { own: [], bare: [] },
    admitted: { own: [], bare: [] },
    polls: { own: [], bare: [] },
    commitRun: { own: [], bare: [] },
    redisBytesPerTicket: [],
    broken: [],
  };
  await load.run(barePlan('post', barePort, load, size));
  for (let round = 0; round < size.bareRounds; round += 1) {
    pairs.soldOut.bare.push(perSecond(await load.run(barePlan('post', barePort, load, size)), '202'));
    pairs.soldOut.own.push(await measureSoldOut());
    pairs.admitted.bare.push(
      perSecond(
        await load.run({ ...barePlan('post', barePort, load, size), requests: size.admissions }),
        '202',
      ),
    );
    const admitted = await measureAdmissions();
    pairs.polls.bare.push(perSecond(await load.run(barePlan('get', barePort, load, size)), '200'));
    pairs.polls.own.push(await measurePolls(admitted.ticketIds));
  }
  return pairs;

  async function measureSoldOut(): Promise<number> {
    const sale = await holdfast.openSale(2);
    const crowd = {
      title: 'sold out',
      stock: 2,
      requests: size.bareRequests,
      connections,
      limitSeconds: size.bareSeconds,
    };
    await load.run(planOf(sale, { ...crowd, requests: 200 }, load.nextBuyers(200)));
    const report = await load.run(planOf(sale, crowd, load.nextBuyers(crowd.requests)));
    pairs.broken.push(...brokenLaws('holdfast', crowd, answered(report), 2, await sale.countHolds()));
    await sale.retire();
    return perSecond(report, '409');
  }

  /** Up to the 202 with the workers frozen; then the commit run alone with everybody else idle. */
  async function measureAdmissions(): Promise<{ ticketIds: string[] }> {
    const sale = await holdfast.openSale(size.admissions);
    await untilQuiet(holdfast);
    const memoryBefore = await redisBytes(stores);
    const crowd = {
      title: 'admissions',
      stock: size.admissions,
      requests: size.admissions,
      connections,
      limitSeconds: admitWithinSeconds,
    };
    holdfast.freezeWorkers();
    let report: LoadReport;
    try {
      report = await load.run({
        ...planOf(sale, crowd, load.nextBuyers(crowd.requests)),
        keepBodies: ticketsToPoll,
      });
      await sleep(100);
    } finally {
      holdfast.thawWorkers();
    }
    const taken = report.answers['202'] ?? 0;
    const commit = await timeCommitRun(taken);
    await untilQuiet(holdfast);
    pairs.admitted.own.push(perSecond(report, '202'));
    pairs.redisBytesPerTicket.push(((await redisBytes(stores)) - memoryBefore) / Math.max(1, taken));
    pairs.commitRun.own.push(commit);
    pairs.broken.push(...brokenLaws('holdfast', crowd, answered(report), taken, await sale.countHolds()));
    pairs.commitRun.bare.push(await measureUnnest(holdfast.rows, sale.id));
    await sale.retire();
    return { ticketIds: report.bodies.map((body) => (JSON.parse(body) as { id: string }).id) };

    /** From the first rows to be seen to the last, so that waking up is not counted. */
    async function timeCommitRun(units: number): Promise<number> {
      const givenUpAt = performance.now() + commitWithinSeconds * 1000;
      let first = 0;
      let firstAt = 0;
      for (;;) {
        const seen = await sale.unitsTaken();
        const now = performance.now();
        if (first === 0 && seen > 0) {
          first = seen;
          firstAt = now;
        }
        if (seen >= units || now > givenUpAt) return ((seen - first) * 1000) / (now - firstAt);
        await sleep(3);
      }
    }
  }

  async function measurePolls(ticketIds: string[]): Promise<number> {
    const paths = ticketIds.map((id) => `/v1/tickets/${id}`);
    const ask = { kind: 'read' as const, paths };
    const plan = { ...barePlan('get', barePort, load, size), port: holdfast.edgePort, ask };
    return perSecond(await load.run(plan), '200');
  }
}

function barePlan(kind: 'post' | 'get', port: number, load: Load, size: Size): LoadPlan {
  return {
    host: '127.0.0.1',
    port,
    connections,
    requests: size.bareRequests,
    limitSeconds: size.bareSeconds,
    ask:
      kind === 'get'
        ? { kind: 'read', paths: ['/v1/tickets/0123456789abcdefghijklmnopqrst'] }
        : {
            kind: 'reserve',
            path: '/v1/sales/bench/reservations',
            sku,
            firstBuyer: load.nextBuyers(size.bareRequests),
          },
  };
}

function perSecond(report: LoadReport, status: string): number {
  return (report.answers[status] ?? 0) / report.seconds;
}

function answered(report: LoadReport): number {
  return Object.values(report.answers).reduce((sum, count) => sum + count, 0);
}

async function redisBytes(stores: Stores): Promise<number> {
  const redis = new Redis(stores.redisUrl);
  const memory = await redis.info('memory');
  redis.disconnect();
  return Number(/used_memory:(\d+)/.exec(memory)?.[1]);
}
