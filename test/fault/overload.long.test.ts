/** A store that is slow, frozen or away under a crowd: every answer has its time, and what was refused took nothing. */
import { Agent, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type FaultyLine, openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, until } from '../support/sales.ts';

interface Answer {
  status: number;
  retryAfter: string | undefined;
  body: { code?: string; id?: string; status?: string };
  tookMs: number;
}

/** An edge answers within 6 s whatever its stores do; the rest is for a machine that has much else to do. */
const answerWithinMs = 12_000;

describe('under a crowd', () => {
  let house: House;
  let edge: EdgeProcess;
  let line: FaultyLine | null;
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

  beforeEach(() => {
    line = null;
  });
  afterEach(async () => {
    agent.destroy();
    await edge.kill();
    await line?.close();
    await house.close();
  });

  function ask(method: string, path: string, body?: object, key?: string): Promise<Answer> {
    const startedAt = performance.now();
    const sent = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const asking = request(
        {
          agent,
          host: '127.0.0.1',
          port: edge.port,
          method,
          path,
          headers: {
            ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
            'Content-Length': Buffer.byteLength(sent),
            ...(key === undefined ? {} : { 'Idempotency-Key': key }),
          },
        },
        (incoming) => {
          let text = '';
          incoming.on('data', (piece) => {
            text += piece;
          });
          incoming.once('error', reject);
          incoming.once('end', () =>
            resolve({
              status: incoming.statusCode ?? 0,
              retryAfter: incoming.headers['retry-after'],
              body: JSON.parse(text || '{}'),
              tookMs: performance.now() - startedAt,
            }),
          );
        },
      );
      asking.once('error', reject);
      asking.end(sent);
    });
  }

  const reserve = (sale: string, buyerId: string, key?: string) =>
    ask('POST', `/v1/sales/${sale}/reservations`, { buyerId }, key);
  const crowd = (sale: string, name: string, size: number, withKeys = false) =>
    Promise.all(
      Array.from({ length: size }, (_, index) => {
        const buyerId = `${name}${index}`;
        return reserve(sale, buyerId, withKeys ? buyerId : undefined);
      }),
    );

  /** Nothing but tickets and refusals that say when to come again, each in its time. */
  function expectAnswers(answers: Answer[], code: string): { taken: number; refused: number } {
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status !== 503 && status !== 202)).toEqual([]);
    for (const one of refused) {
      expect(one.body.code).toBe(code);
      expect(Number(one.retryAfter)).toBeGreaterThan(0);
    }
    expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(answerWithinMs);
    return { taken: answers.length - refused.length, refused: refused.length };
  }

  it('F53: a Redis that is slow: some get in, the others are told in time and took nothing, and memory does not grow', async () => {
    house = await openHouse({ workers: 1, edges: 0 });
    line = await openFaultyLine(house.redis.port);
    const redisUrl = `redis://127.0.0.1:${line.port}`;
    // With little room its memory says something: otherwise it grows until collecting is worth the while.
    edge = await startEdge({ REDIS_URL: redisUrl, NODE_OPTIONS: '--max-old-space-size=64' });
    const sale = await openTees(house, 100_000);
    expect((await reserve(sale, 'first')).status).toBe(202);
    let taken = 1;
    let refused = 0;
    const memory: number[] = [];
    line.slow(1_500);
    for (const wave of ['a', 'b', 'c', 'd']) {
      const seen = expectAnswers(await crowd(sale, wave, 1_200), 'gate_unavailable');
      taken += seen.taken;
      refused += seen.refused;
      memory.push(edge.residentBytes());
    }
    expect(taken).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(100);
    const [, second = 0, , last = 0] = memory;
    expect(last - second).toBeLessThan(48 * 1024 * 1024);
    line.slow(0);
    await until('the gate to keep up again', async () => (await reserve(sale, 'last', 'last')).status < 300);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: taken + 1 } });
  }, 120_000);

  it('F15: a Redis that is frozen: all are told in time, and when it wakes, whoever comes again has one ticket, and few units are held for those who left', async () => {
    house = await openHouse({ workers: 1, edges: 0 });
    edge = await startEdge({ REDIS_URL: house.redis.url });
    const sale = await openTees(house, 1_000);
    expect((await reserve(sale, 'first')).status).toBe(202);
    await until('the first to be held', async () => {
      const rows = await house.rows<{ count: string }>(
        `select count(*) from reservations where status = 'held'`,
      );
      return Number(rows[0]?.count) === 1;
    });
    const redis = house.redis.pid as number;
    process.kill(redis, 'SIGSTOP');
    try {
      const [left, patient, look] = await Promise.all([
        crowd(sale, 'left', 300),
        crowd(sale, 'patient', 300, true),
        ask('GET', `/v1/sales/${sale}`),
      ]);
      expect(expectAnswers([...left, ...patient], 'gate_unavailable').taken).toBe(0);
      expect(look.status).toBe(503);
      expect((await ask('GET', '/readyz')).status).toBe(503);
      expect((await ask('GET', '/healthz')).status).toBe(200);
    } finally {
      process.kill(redis, 'SIGCONT');
    }
    await until('the gate to answer', async () => (await ask('GET', '/readyz')).status === 200);
    const again = await crowd(sale, 'patient', 300, true);
    expect(new Set(again.map(({ body }) => body.id)).size).toBe(300);
    const { tee } = await expectConservation(house, sale);
    // What Redis had already read, or reads in one piece before it sees that nobody listens: a batch, not all of them.
    expect((tee?.['held'] ?? 0) - 301).toBeLessThan(200);
    const twice = await house.rows(
      'select buyer_id from reservations where sale_id = $1 group by buyer_id having count(*) > 1',
      [sale],
    );
    expect(twice).toEqual([]);
  }, 120_000);

  it('F54: Postgres away while all want in: the gate takes what the intake may hold, keeps room for those who pay, and all of it is true when Postgres is back', async () => {
    const intakeLimit = 60;
    house = await openHouse({ workers: 2, edges: 0, ownPostgres: true });
    edge = await startEdge({ REDIS_URL: house.redis.url, INTAKE_LIMIT: String(intakeLimit) });
    const sale = await openTees(house, 1_000);
    const { body: ticket } = await reserve(sale, 'first');
    const ticketPath = `/v1/tickets/${ticket.id}`;
    await until('the first to be held', async () => (await ask('GET', ticketPath)).body.status === 'held');
    await house.postgres?.kill();

    const { taken, refused } = expectAnswers(await crowd(sale, 'b', 400), 'ledger_unavailable');
    expect([taken, refused]).toEqual([intakeLimit, 400 - intakeLimit]);
    const confirm = await ask('POST', `${ticketPath}/confirm`, {});
    expect(confirm.status).toBe(202);
    for (const path of [ticketPath, `/v1/sales/${sale}`, '/v1/sales', '/readyz'])
      expect((await ask('GET', path)).status, path).toBe(200);
    expect((await reserve(sale, 'late')).status).toBe(503);

    await house.postgres?.restart();
    await until(
      'the payment to count',
      async () => (await ask('GET', ticketPath)).body.status === 'confirmed',
      20_000,
    );
    await until('room for newcomers', async () => (await reserve(sale, 'late', 'late')).status < 300, 20_000);
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, held: intakeLimit + 1 } });
  }, 120_000);
});
