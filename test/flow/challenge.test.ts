/** A sale with a challenge, as its buyers meet it over HTTP: no work, no ticket; and one solution, one ticket. */
import { createClient } from '@holdfast/client';
import { createEdgeGate } from '@holdfast/gate';
import type { NewSale } from '@holdfast/pipeline';
import { type Challenge, type Solution, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { challengeSeconds, createProofOfWork } from '../../apps/edge/src/proof-of-work.ts';
import { emptyRedis, withRedis } from '../support/damage.ts';
import { expectConservation } from '../support/conservation.ts';
import type { House } from '../support/house.ts';
import { lobbyOf } from '../support/lobby.ts';
import { until } from '../support/sales.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

const secret = 'a secret that all edges of a test share';
const challenge = { kind: 'proof_of_work', difficulty: 30 } as const;

describe('a sale with a challenge', () => {
  let house: EdgeHouse;
  let sale: string;

  beforeAll(async () => {
    house = await openEdgeHouse({ challenger: createProofOfWork(secret) });
    sale = await house.open({ challenge, items: tees(1_000) });
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => house.close());

  function tees(stock: number): NewSale['items'] {
    return [{ sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 4900, stock }];
  }

  function ask(
    body: unknown,
    { solution, key, of = sale, door = 'reservations' }: Asked = {},
  ): Promise<Response> {
    return fetch(`${house.url}/v1/sales/${of}/${door}`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(solution !== undefined && { 'Challenge-Solution': solution }),
        ...(key !== undefined && { 'Idempotency-Key': key }),
      },
      body: JSON.stringify(body),
    });
  }

  interface Asked {
    solution?: string | undefined;
    key?: string;
    of?: string;
    door?: 'reservations' | 'lobby';
  }

  async function issued(of = sale): Promise<Challenge> {
    const answer = await fetch(`${house.url}/v1/sales/${of}/challenge`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { kind, ...rest } = (await answer.json()) as Challenge & { kind: string };
    expect(kind).toBe('proof_of_work');
    return rest;
  }

  const written = (of: Challenge, solution: Solution | null) =>
    btoa(JSON.stringify({ challenge: of, solution }));

  /** By ALTCHA's own solver: whatever solves ALTCHA's challenges solves ours. */
  async function solved(of: Challenge): Promise<string> {
    return written(of, await solveChallenge({ challenge: of, deriveKey }));
  }

  const freshly = async (of = sale) => solved(await issued(of));
  const codeOf = async (answer: Response) =>
    `${answer.status} ${((await answer.json()) as { code: string }).code}`;
  const rowsOf = async (buyer: string) =>
    (await house.rows('select 1 from reservations where buyer_id = $1', [buyer])).length;

  it('says so, to buyers and to the merchant, and to a request that brings no solution', async () => {
    const shown = (await (await fetch(`${house.url}/v1/sales/${sale}`)).json()) as object;
    expect(shown).toMatchObject({ challenge });
    const answer = await ask({ buyerId: 'nobody' });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: 'challenge_required',
      type: '/problems/challenge_required',
      detail: expect.stringContaining('GET /v1/sales/{saleId}/challenge'),
    });
    expect(await rowsOf('nobody')).toBe(0);
  });

  it('lets in who brings the solution of its challenge', async () => {
    const answer = await ask({ buyerId: 'worker' }, { solution: await freshly() });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ buyerId: 'worker' });
  });

  const forgeries: [string, (of: Challenge, solution: Solution) => string][] = [
    ['nothing but words', () => 'please'],
    ['an empty text', () => ''],
    ['no JSON', () => btoa('{')],
    ['JSON of something else', () => btoa('[1,2,3]')],
    ['a text that is too long', (of, solution) => written(of, solution) + 'A'.repeat(4_000)],
    ['no number', (of, { derivedKey }) => written(of, { derivedKey } as Solution)],
    ['no key', (of, { counter }) => written(of, { counter } as Solution)],
    [
      'the key that the challenge begins with',
      (of, { counter }) => written(of, { counter, derivedKey: of.parameters.keyPrefix }),
    ],
    ['another key', (of, solution) => written(of, { ...solution, derivedKey: 'ab'.repeat(32) })],
    ['a challenge without its signature', ({ parameters }, solution) => written({ parameters }, solution)],
    [
      'a challenge with another signature',
      (of, solution) => written({ ...of, signature: 'ab'.repeat(32) }, solution),
    ],
    ['cheaper tries', (of, solution) => written(changed(of, { cost: 1 }), solution)],
    ['a shorter key to find', (of, solution) => written(changed(of, { keyPrefix: '0' }), solution)],
    [
      'a lower difficulty',
      (of, solution) => written(changed(of, { data: { sale, difficulty: 1 } }), solution),
    ],
    ['a later end', (of, solution) => written(changed(of, { expiresAt: 4_000_000_000 }), solution)],
    ['no end', (of, solution) => written(changed(of, { expiresAt: undefined as never }), solution)],
    ['a key of its own', (of, solution) => written(changed(of, { keySignature: 'ab'.repeat(32) }), solution)],
    ['another algorithm', (of, solution) => written(changed(of, { algorithm: 'SHA-256' }), solution)],
  ];
  const changed = (of: Challenge, change: Partial<Challenge['parameters']>): Challenge => ({
    ...of,
    parameters: { ...of.parameters, ...change },
  });

  it.each(forgeries)('refuses %s, and takes no unit', async (_, forge) => {
    const of = await issued();
    const solution = await solveChallenge({ challenge: of, deriveKey });
    if (solution === null) throw new Error('it cannot be solved');
    const answer = await ask({ buyerId: 'forger' }, { solution: forge(of, solution) });
    expect(await codeOf(answer)).toBe('403 challenge_failed');
    expect(await rowsOf('forger')).toBe(0);
    expect(
      (await ask({ buyerId: 'honest' }, { solution: written(of, solution) })).status,
      'the true one',
    ).toBe(202);
  });

  it('refuses a challenge that was made with another secret, and one of another sale', async () => {
    const elsewhere = await createProofOfWork('a secret of somebody else, and just as long').issue(
      sale,
      challenge,
    );
    const { kind: _, ...foreign } = elsewhere as unknown as Challenge & { kind: string };
    expect(await codeOf(await ask({ buyerId: 'x' }, { solution: await solved(foreign) }))).toBe(
      '403 challenge_failed',
    );
    const other = await house.open({ challenge });
    expect(await codeOf(await ask({ buyerId: 'x' }, { solution: await freshly(other) }))).toBe(
      '403 challenge_failed',
    );
  });

  it('takes a solution until the end of its challenge, and not after it', async () => {
    const [early, late] = [await issued(), await issued()];
    const solutions = [await solved(early), await solved(late)];
    const end = (early.parameters.expiresAt ?? 0) * 1_000;
    expect(end - Date.now()).toBeLessThanOrEqual((challengeSeconds + 1) * 1_000);
    vi.useFakeTimers({ toFake: ['Date'], now: end });
    expect((await ask({ buyerId: 'early' }, { solution: solutions[0] })).status).toBe(202);
    vi.setSystemTime((late.parameters.expiresAt ?? 0) * 1_000 + 1);
    expect(await codeOf(await ask({ buyerId: 'late' }, { solution: solutions[1] }))).toBe(
      '403 challenge_failed',
    );
  });

  it('counts a solution once at all edges: of a hundred buyers who bring the same one, exactly one gets in', async () => {
    const racing = await house.open({ challenge, items: tees(500) });
    const solution = await freshly(racing);
    const challenger = createProofOfWork(secret);
    const other = await createEdgeGate({ redisUrl: house.redis.url, ring: () => undefined, challenger });
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, number) => {
        const buyerId = `racer-${number}`;
        const idempotencyKey = number % 4 < 2 ? `k${number}` : null;
        if (number % 2 === 0) {
          const request = { saleId: racing, buyerId, lines: null, idempotencyKey, solution };
          const answer = await other.reserve(request);
          return answer.kind === 'refused' ? answer.code : 'admitted';
        }
        const asked = { solution, of: racing, ...(idempotencyKey !== null && { key: idempotencyKey }) };
        const answer = await ask({ buyerId }, asked);
        return answer.status === 202 ? 'admitted' : ((await answer.json()) as { code: string }).code;
      }),
    );
    await other.close();
    expect(answers.filter((answer) => answer === 'admitted')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'challenge_failed')).toHaveLength(99);
    await expectConservation(house as unknown as House, racing);
    expect(await house.rows('select 1 from reservations where sale_id = $1', [racing])).toHaveLength(1);
  });

  it('gives a hundred of the same request, with one key and one solution, one ticket', async () => {
    const racing = await house.open({ challenge, items: tees(500) });
    const solution = await freshly(racing);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => ask({ buyerId: 'ann' }, { solution, of: racing, key: 'one' })),
    );
    const tickets = await Promise.all(
      answers.map(async (answer) => (await answer.json()) as { id?: string }),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(99);
    expect(new Set(tickets.map(({ id }) => id)).size).toBe(1);
  });

  it('gives the same ticket to the same request after a lost answer, with the solution, without it and when it is too old', async () => {
    const solution = await freshly();
    const first = await ask({ buyerId: 'bea' }, { solution, key: 'lost' });
    expect(first.status).toBe(202);
    const { id } = (await first.json()) as { id: string };
    const again = await ask({ buyerId: 'bea' }, { solution, key: 'lost' });
    const without = await ask({ buyerId: 'bea' }, { key: 'lost' });
    const other = await ask({ buyerId: 'bea' }, { solution: await freshly(), key: 'lost' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    const late = await ask({ buyerId: 'bea' }, { solution, key: 'lost' });
    for (const answer of [again, without, other, late]) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get('idempotent-replayed')).toBe('true');
      expect(await answer.json()).toMatchObject({ id });
    }
    const mismatch = await ask({ buyerId: 'bea', lines: [{ sku: 'tee', quantity: 2 }] }, { key: 'lost' });
    expect(await codeOf(mismatch)).toBe('422 idempotency_mismatch');
    expect(await codeOf(await ask({ buyerId: 'bob' }, { solution, key: 'lost' })), 'of somebody else').toBe(
      '403 challenge_failed',
    );
    expect(await rowsOf('bob')).toBe(0);
  });

  it('asks after it has looked at the request, and before it says that nothing is left', async () => {
    const empty = await house.open({ challenge, items: tees(0) });
    const malformed = await fetch(`${house.url}/v1/sales/${empty}/reservations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{',
    });
    expect(malformed.status).toBe(400);
    expect(await codeOf(await ask({ buyerId: 'x', no: 1 }, { of: empty }))).toBe('422 invalid_body');
    expect(
      await codeOf(await ask({ buyerId: 'x', lines: [{ sku: 'hat', quantity: 1 }] }, { of: empty })),
    ).toBe('422 unknown_item');
    expect(await codeOf(await ask({ buyerId: 'x' }, { of: 'no-such-sale' }))).toBe('404 unknown_sale');
    expect(await codeOf(await ask({ buyerId: 'x' }, { of: empty }))).toBe('403 challenge_required');
    expect(await codeOf(await ask({ buyerId: 'x' }, { of: empty, solution: await freshly(empty) }))).toBe(
      '409 sold_out',
    );
    await house.desk.move(empty, 'pause', null);
    expect(await codeOf(await ask({ buyerId: 'x' }, { of: empty }))).toBe('403 challenge_required');
  });

  it('asks at the door of its lobby too, once for each member', async () => {
    const lobby = await lobbyOf(house, 5, { challenge });
    expect(await codeOf(await ask({ buyerId: 'mia' }, { of: lobby, door: 'lobby' }))).toBe(
      '403 challenge_required',
    );
    const solution = await freshly(lobby);
    const joined = await ask({ buyerId: 'mia' }, { of: lobby, door: 'lobby', solution });
    expect(joined.status).toBe(202);
    const { id } = (await joined.json()) as { id: string };
    const again = await ask({ buyerId: 'mia' }, { of: lobby, door: 'lobby' });
    expect([again.status, ((await again.json()) as { id: string }).id]).toEqual([200, id]);
    expect(await codeOf(await ask({ buyerId: 'max' }, { of: lobby, door: 'lobby', solution }))).toBe(
      '403 challenge_failed',
    );
  });

  it('asks from the very next request on, more or less or nothing, as the merchant says', async () => {
    const changing = await house.open();
    expect((await ask({ buyerId: 'a' }, { of: changing })).status).toBe(202);
    expect((await fetch(`${house.url}/v1/sales/${changing}/challenge`)).status).toBe(204);
    await house.desk.change(changing, { challenge }, null);
    expect(await codeOf(await ask({ buyerId: 'b' }, { of: changing }))).toBe('403 challenge_required');
    const easy = await freshly(changing);
    await house.desk.change(changing, { challenge: { ...challenge, difficulty: 60 } }, null);
    expect(await codeOf(await ask({ buyerId: 'c' }, { of: changing, solution: easy }))).toBe(
      '403 challenge_failed',
    );
    expect((await ask({ buyerId: 'd' }, { of: changing, solution: await freshly(changing) })).status).toBe(
      202,
    );
    await house.desk.change(changing, { challenge: null }, null);
    expect((await ask({ buyerId: 'e' }, { of: changing })).status).toBe(202);
  });

  it('keeps of a solution that it was used, as long as it would be taken, and not by whom', async () => {
    await ask({ buyerId: 'someone-known' }, { solution: await freshly() });
    const keys = await withKeys(house, `*:solved:${sale}:*`);
    expect(keys.length).toBeGreaterThan(0);
    for (const { key, seconds, value } of keys) {
      expect(key.startsWith('{s0}:')).toBe(true);
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(challengeSeconds + 61);
      expect(value).not.toContain('someone');
    }
  });

  describe('to the SDK', () => {
    const client = () => createClient({ baseUrl: house.url });

    it('is nothing to think of: it is solved on the way', async () => {
      const buyer = client();
      expect(await buyer.reserve(sale, { buyerId: 'sdk' }, { waitSeconds: 10 })).toMatchObject({
        kind: 'ticket',
        ticket: { status: 'held' },
      });
      expect(await buyer.reserve(sale, { buyerId: 'sdk' })).toMatchObject({
        kind: 'ticket',
        replayed: false,
      });
      const lobby = await lobbyOf(house, 5, { challenge });
      expect(await buyer.joinLobby(lobby, { buyerId: 'sdk' })).toMatchObject({ ticket: { status: 'lobby' } });
    });

    it('ends when the buyer gives up, and leaves turns of the event loop meanwhile', async () => {
      const hard = await house.open({ challenge: { kind: 'proof_of_work', difficulty: 20_000 } });
      let turns = 0;
      const count = setInterval(() => void (turns += 1), 5);
      // One buyer in a hundred finds the number before giving up.
      const ends = async (buyerId: string): Promise<unknown> => {
        const giveUp = new AbortController();
        const timer = setTimeout(() => giveUp.abort(new Error('enough')), 25);
        try {
          await client().reserve(hard, { buyerId }, { signal: giveUp.signal });
          return await ends(`${buyerId}+`);
        } catch (error) {
          return error;
        } finally {
          clearTimeout(timer);
        }
      };
      expect(await ends('sdk')).toMatchObject({ message: 'enough' });
      clearInterval(count);
      expect(turns).toBeGreaterThan(0);
    });
  });

  it('lets nobody in while Redis is away, and goes on when it is back', async () => {
    const solution = await freshly();
    await house.redis.kill();
    expect(await codeOf(await ask({ buyerId: 'zed' }, { solution }))).toBe('503 gate_unavailable');
    await house.redis.restart();
    await until('the gate', async () => (await fetch(`${house.url}/v1/sales/${sale}`)).status === 200);
    expect((await ask({ buyerId: 'zed' }, { solution })).status).toBe(202);
    expect(await rowsOf('zed')).toBeLessThanOrEqual(1);
  });

  it('still asks when Redis was emptied, and gives who has a ticket that ticket', async () => {
    const key = 'before the loss';
    const first = await ask({ buyerId: 'una' }, { solution: await freshly(), key });
    const { id } = (await first.json()) as { id: string };
    await expectConservation(house as unknown as House, sale);
    await emptyRedis(house as unknown as House);
    expect(await codeOf(await ask({ buyerId: 'una' }, { key }))).toBe('503 gate_unavailable');
    await until('the gate', async () => (await fetch(`${house.url}/v1/sales/${sale}`)).status === 200);
    expect(await codeOf(await ask({ buyerId: 'una' }))).toBe('403 challenge_required');
    const again = await ask({ buyerId: 'una' }, { key });
    expect([again.status, ((await again.json()) as { id: string }).id]).toEqual([200, id]);
  });
});

describe('an edge without the secret of challenges', () => {
  let house: EdgeHouse;

  beforeAll(async () => {
    house = await openEdgeHouse();
  });
  afterAll(() => house.close());

  it('lets nobody into a sale that has one, and everybody into others', async () => {
    const sale = await house.open({ challenge });
    const reserve = (of: string) =>
      fetch(`${house.url}/v1/sales/${of}/reservations`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Challenge-Solution': 'e30=' },
        body: '{"buyerId":"ann"}',
      });
    expect((await reserve(sale)).status).toBe(503);
    expect((await fetch(`${house.url}/v1/sales/${sale}/challenge`)).status).toBe(503);
    expect((await reserve(await house.open())).status).toBe(202);
  });
});

async function withKeys(house: EdgeHouse, pattern: string) {
  return withRedis(house as unknown as House, async (redis) =>
    Promise.all(
      (await redis.keys(pattern)).map(async (key) => ({
        key,
        seconds: await redis.ttl(key),
        value: (await redis.get(key)) ?? '',
      })),
    ),
  );
}
