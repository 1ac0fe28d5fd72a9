import { writeFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@holdfast/client';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBuyerTokens } from '../../apps/edge/src/buyer-tokens.ts';
import { emptyRedis, withRedis } from '../support/damage.ts';
import { lobbyOf } from '../support/lobby.ts';
import { until } from '../support/sales.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

const secret = 'a secret for tests, and for nothing else';
const key = new TextEncoder().encode(secret);
const settings = { secret, jwks: null, issuer: 'shop', audience: 'holdfast' };

interface Claims {
  sub?: string;
  issuer?: string;
  audience?: string;
  expiresAt?: number;
  notBefore?: number;
}

function signed(claims: Claims = {}, header: { alg: string } = { alg: 'HS256' }, by: never = key as never) {
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT('sub' in claims && claims.sub === undefined ? {} : { sub: claims.sub ?? 'ann' })
    .setProtectedHeader(header)
    .setIssuer(claims.issuer ?? 'shop')
    .setAudience(claims.audience ?? 'holdfast')
    .setExpirationTime(claims.expiresAt ?? now + 600);
  if (claims.notBefore !== undefined) token.setNotBefore(claims.notBefore);
  return token.sign(by);
}

describe('an edge that wants buyer tokens', () => {
  let house: EdgeHouse;
  let sale: string;

  beforeAll(async () => {
    house = await openEdgeHouse({ tokens: createBuyerTokens(settings, () => undefined) });
    sale = await house.open();
  });
  afterAll(() => house.close());

  async function ask(method: string, path: string, token?: string, body?: object, key?: string) {
    const response = await fetch(house.url + path, {
      method,
      headers: {
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(key !== undefined && { 'Idempotency-Key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const isStream = response.headers.get('content-type')?.includes('event-stream') === true;
    if (isStream) {
      await response.body?.cancel();
      return { status: response.status, headers: response.headers, body: {} as Record<string, unknown> };
    }
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  }

  const reservations = () => `/v1/sales/${sale}/reservations`;

  async function ticketOf(sub: string): Promise<string> {
    const answer = await ask('POST', reservations(), await signed({ sub }), {});
    expect(answer).toMatchObject({ status: 202, body: { buyerId: sub } });
    const ticketId = String(answer.body['id']);
    await until('the hold', async () => {
      const { body } = await ask('GET', `/v1/tickets/${ticketId}`, await signed({ sub }));
      return body['status'] === 'held';
    });
    return ticketId;
  }

  it('takes the buyer from the token, and no other beside it', async () => {
    const answer = await ask('POST', reservations(), await signed({ sub: 'zoe' }), { buyerId: 'bob' });
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_body' } });
    await ticketOf('zoe');
  });

  const past = Math.floor(Date.now() / 1000) - 60;
  const bad: [string, () => Promise<string | undefined>][] = [
    ['no token', async () => undefined],
    ['something else', async () => 'not.a-token'],
    ['an expired token', () => signed({ expiresAt: past })],
    ['a token that is not valid yet', () => signed({ notBefore: past + 3_600 })],
    ['a token of another issuer', () => signed({ issuer: 'elsewhere' })],
    ['a token for another audience', () => signed({ audience: 'elsewhere' })],
    ['a token of nobody', () => signed({ sub: undefined } as never)],
    ['a token of a buyer without a name', () => signed({ sub: '' })],
    ['a token of a buyer with too long a name', () => signed({ sub: 'b'.repeat(129) })],
    ['a token of a buyer with a line break', () => signed({ sub: 'a\nb' })],
    [
      'a token signed with another secret',
      () => signed({}, { alg: 'HS256' }, new TextEncoder().encode('x'.repeat(32)) as never),
    ],
    ['a token with another algorithm of the same kind', () => signed({}, { alg: 'HS512' })],
    [
      'an unsigned token',
      async () => {
        const [, payload] = (await signed()).split('.');
        return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.x`;
      },
    ],
    [
      'a changed token',
      async () => (await signed()).replace(/\.[^.]+\./, (part) => `${part.slice(0, -2)}A.`),
    ],
    ['a token that is too long', () => signed({ sub: 'ann', issuer: 'i'.repeat(5_000) })],
  ];

  it.each(bad)('answers 401 to %s, and takes no unit', async (_, make) => {
    const answer = await ask('POST', reservations(), await make(), {});
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="holdfast"');
    const rows = await house.rows('select 1 from reservations where sale_id = $1', [sale]);
    expect(rows.length).toBeLessThanOrEqual(2);
  });

  describe('asks for one wherever a buyer acts, and nowhere else', () => {
    const asked: [call: string, body?: object][] = [
      ['POST /v1/sales/{saleId}/reservations', {}],
      ['POST /v1/sales/{saleId}/lobby', {}],
      ['GET /v1/sales/{saleId}/tickets'],
      ['GET /v1/tickets/{ticketId}'],
      ['GET /v1/tickets/{ticketId}/events'],
      ['POST /v1/tickets/{ticketId}/extend', {}],
      ['POST /v1/tickets/{ticketId}/confirm', {}],
      ['POST /v1/tickets/{ticketId}/cancel', {}],
    ];
    const free = [
      'GET /v1/sales',
      'GET /v1/sales/{saleId}',
      'GET /v1/sales/{saleId}/events',
      'GET /v1/sales/{saleId}/challenge',
      'POST /v1/payments/{provider}',
      'GET /v1/payments/fake/{clientSecret}',
      'POST /v1/payments/fake/{clientSecret}/{act}',
      'GET /v1/inside',
      'GET /healthz',
      'GET /readyz',
      'GET /metrics',
    ];

    it('and these are all calls that there are', async () => {
      const contract = (await (await fetch(`${house.url}/openapi.json`)).json()) as {
        paths: Record<string, Record<string, unknown>>;
      };
      const real = Object.entries(contract.paths).flatMap(([path, calls]) =>
        ['get', 'post']
          .filter((method) => method in calls)
          .map((method) => `${method.toUpperCase()} ${path}`),
      );
      expect(real.sort()).toEqual([...asked.map(([call]) => call), ...free].sort());
    });

    it.each(asked)('%s', async (call, body) => {
      const ticketId = `0-${sale}-${'z'.repeat(22)}`;
      const [method = '', path = ''] = call
        .replace('{saleId}', sale)
        .replace('{ticketId}', ticketId)
        .split(' ');
      for (const token of [undefined, await signed({ expiresAt: past }), 'not.a-token'])
        expect((await ask(method, path, token, body)).status).toBe(401);
      expect((await ask(method, path, await signed({ sub: 'eve' }), body)).status).not.toBe(401);
    });

    it.each(free.filter((call) => call.startsWith('GET /v1/sales')))('%s', async (call) => {
      const response = await fetch(house.url + call.replace('GET ', '').replace('{saleId}', sale));
      expect([200, 204]).toContain(response.status);
      await response.body?.cancel();
    });
  });

  describe('lets nobody but its owner near a ticket', () => {
    const verbs: [string, string, object | undefined][] = [
      ['GET', '', undefined],
      ['GET', '/events', undefined],
      ['POST', '/extend', {}],
      ['POST', '/confirm', {}],
      ['POST', '/cancel', {}],
    ];
    const who = ['nobody', 'expired', 'owner', 'other'] as const;
    const tickets = ['own', 'unknown', 'malformed'] as const;
    const matrix = verbs.flatMap(([method, path, body]) =>
      who.flatMap((caller) =>
        tickets.map((ticket) => [`${method} ${path}`, caller, ticket, method, path, body] as const),
      ),
    );
    let owned = '';

    // A new call of the contract about a ticket needs its row above.
    it('and this is every call about a ticket', async () => {
      const contract = (await (await fetch(`${house.url}/openapi.json`)).json()) as {
        paths: Record<string, Record<string, unknown>>;
      };
      const real = Object.entries(contract.paths)
        .filter(([path]) => path.startsWith('/v1/tickets/{ticketId}'))
        .flatMap(([path, calls]) =>
          ['get', 'post']
            .filter((method) => method in calls)
            .map((method) => `${method.toUpperCase()} ${path}`),
        );
      expect(real.sort()).toEqual(
        verbs.map(([method, path]) => `${method} /v1/tickets/{ticketId}${path}`).sort(),
      );
    });

    it.each(matrix)('%s by %s of a ticket that is %s', async (_, caller, ticket, method, path, body) => {
      if (owned === '') owned = await ticketOf('olga');
      const ids = { own: owned, unknown: `0-${sale}-${'x'.repeat(22)}`, malformed: 'no-ticket' };
      const tokens = {
        nobody: async () => undefined,
        expired: () => signed({ sub: 'olga', expiresAt: past }),
        owner: () => signed({ sub: 'olga' }),
        other: () => signed({ sub: 'mallory' }),
      };
      const answer = await ask(method, `/v1/tickets/${ids[ticket]}${path}`, await tokens[caller](), body);
      if (caller === 'nobody' || caller === 'expired') expect(answer.status).toBe(401);
      else if (caller === 'owner' && ticket === 'own') expect([200, 409]).toContain(answer.status);
      else {
        expect(answer.status).toBe(404);
        const { instance: _, ...said } = answer.body;
        const { instance: __, ...ofNone } = (
          await ask(method, `/v1/tickets/${ids.unknown}${path}`, await signed({ sub: 'mallory' }), body)
        ).body;
        expect(said, 'the same as for a ticket that there is not').toEqual(ofNone);
      }
    });
  });

  describe('gives a buyer all tickets of a sale, on any device, and nobody else', () => {
    let shop: string;
    let lobby: string;
    const list = async (sub: string | null, of: string, claims: Claims = {}) =>
      ask('GET', `/v1/sales/${of}/tickets`, sub === null ? undefined : await signed({ sub, ...claims }));
    const idsOf = (answer: { body: Record<string, unknown> }) =>
      (answer.body['tickets'] as { id: string }[]).map(({ id }) => id);
    const mine: string[] = [];

    beforeAll(async () => {
      shop = await house.open();
      lobby = await lobbyOf(house, 5);
      for (const key of [undefined, 'a key', undefined]) {
        const { body } = await ask(
          'POST',
          `/v1/sales/${shop}/reservations`,
          await signed({ sub: 'liv' }),
          {},
          key,
        );
        mine.unshift(String(body['id']));
      }
      await ask('POST', `/v1/sales/${shop}/reservations`, await signed({ sub: 'liv' }), {}, 'a key');
      await ask('POST', `/v1/sales/${shop}/reservations`, await signed({ sub: 'lou' }), {});
    });

    it('the newest first, each once, as it is now', async () => {
      await ask('POST', `/v1/tickets/${mine[1]}/cancel`, await signed({ sub: 'liv' }), {});
      const answer = await list('liv', shop);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('private, no-store');
      expect(idsOf(answer)).toEqual(mine);
      const [, second] = answer.body['tickets'] as { status: string; buyerId: string }[];
      expect(second).toMatchObject({ status: 'cancelled', buyerId: 'liv' });
    });

    const rows: [who: string, sale: string, status: number, count: number][] = [
      ['owner', 'the sale', 200, 3],
      ['owner', 'another sale', 200, 0],
      ['owner', 'no sale', 404, 0],
      ['owner', 'no name of a sale', 404, 0],
      ['other', 'the sale', 200, 1],
      ['stranger', 'the sale', 200, 0],
      ['stranger', 'no sale', 404, 0],
      ...(['nobody', 'expired'] as const).flatMap((who) =>
        ['the sale', 'another sale', 'no sale', 'no name of a sale'].map(
          (of): [string, string, number, number] => [who, of, 401, 0],
        ),
      ),
    ];
    it.each(rows)('%s asks for the tickets of %s: %i, %i of them', async (who, of, status, count) => {
      const sales: Record<string, string> = {
        'the sale': shop,
        'another sale': sale,
        'no sale': 'no-such-sale',
        'no name of a sale': '%20',
      };
      const subs: Record<string, string | null> = {
        nobody: null,
        owner: 'liv',
        expired: 'liv',
        other: 'lou',
        stranger: 'sam',
      };
      const claims = who === 'expired' ? { expiresAt: past } : {};
      const answer = await list(subs[who] ?? null, sales[of] ?? '', claims);
      expect(answer.status).toBe(status);
      if (status === 200) expect(idsOf(answer)).toHaveLength(count);
    });

    it('those that are still in line, and those of a lobby, at once', async () => {
      house.freeze(shop);
      try {
        const queued = await ask('POST', `/v1/sales/${shop}/reservations`, await signed({ sub: 'ola' }), {});
        const seen = await list('ola', shop);
        expect(seen.body['tickets']).toMatchObject([{ id: queued.body['id'], status: 'queued' }]);
      } finally {
        house.thaw(shop);
      }
      const joined = await ask('POST', `/v1/sales/${lobby}/lobby`, await signed({ sub: 'ola' }), {});
      expect((await list('ola', lobby)).body['tickets']).toMatchObject([
        { id: joined.body['id'], status: 'lobby' },
      ]);
    });

    it('the newest two hundred of more', async () => {
      const large = await house.open({
        items: [{ sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 1, stock: 300 }],
      });
      const token = await signed({ sub: 'max' });
      const ids: string[] = [];
      for (let asked = 0; asked < 210; asked += 1)
        ids.unshift(String((await ask('POST', `/v1/sales/${large}/reservations`, token, {})).body['id']));
      expect(idsOf(await list('max', large))).toEqual(ids.slice(0, 200));
    });

    it('says that the gate is away rather than that there are none, and has them again after it was emptied', async () => {
      await until(
        'everything to be decided',
        async () =>
          (await house.rows('select 1 from reservations where buyer_id in ($1, $2)', ['liv', 'ola']))
            .length === 5,
      );
      await emptyRedis(house as never);
      expect((await list('liv', shop)).status).toBe(503);
      await until('the gate', async () => (await list('liv', shop)).status === 200);
      expect(idsOf(await list('liv', shop))).toEqual(mine);
      expect(idsOf(await list('ola', lobby))).toHaveLength(1);
    });

    it('to the SDK', async () => {
      const client = createClient({ baseUrl: house.url, token: () => signed({ sub: 'liv' }) });
      const answer = await client.tickets(shop);
      expect(answer.kind === 'tickets' && answer.tickets.map(({ id }) => id)).toEqual(mine);
      expect(await client.tickets('no-such-sale')).toMatchObject({ code: 'unknown_sale' });
    });
  });

  it('serves the SDK, which renews its token', async () => {
    let asked = 0;
    const client = createClient({
      baseUrl: house.url,
      token: () => {
        asked += 1;
        return signed({ sub: 'sdk' });
      },
    });
    const answer = await client.reserve(sale, {}, { waitSeconds: 10 });
    if (answer.kind === 'refused') throw new Error(answer.code);
    for await (const seen of client.watchTicket(answer.ticket.id)) {
      if ('kind' in seen) throw new Error(seen.code);
      if (seen.status === 'held') break;
    }
    expect(asked).toBeGreaterThanOrEqual(2);
  });
});

describe('an edge that believes what buyers say of themselves', () => {
  it('lists nobody’s tickets, and keeps no lists', async () => {
    const house = await openEdgeHouse();
    try {
      const sale = await house.open();
      const body = '{"buyerId":"ann"}';
      const headers = {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${await signed({ sub: 'ann' })}`,
      };
      await fetch(`${house.url}/v1/sales/${sale}/reservations`, { method: 'POST', headers, body });
      expect((await fetch(`${house.url}/v1/sales/${sale}/tickets`, { headers })).status).toBe(404);
      await withRedis(house as never, async (redis) => {
        expect(await redis.hkeys(`{s0}:buyers:${sale}`)).toEqual(['c:ann']);
      });
    } finally {
      await house.close();
    }
  });
});

describe('public keys of buyer tokens', () => {
  it.each(['RS256', 'ES256', 'EdDSA'])(
    'check %s, from a file and from an address; a secret checks none of it',
    async (alg) => {
      const pair = await generateKeyPair(alg, { extractable: true });
      const jwk = { ...(await exportJWK(pair.publicKey)), alg, kid: 'k1', use: 'sig' };
      const text = JSON.stringify({ keys: [jwk] });
      const file = join(mkdtempSync(join(tmpdir(), 'holdfast-jwks-')), 'keys.json');
      writeFileSync(file, text);
      const server: Server = createServer(
        (_, answer) => void answer.setHeader('Content-Type', 'application/json').end(text),
      );
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
      const token = await signed({ sub: 'kim' }, { alg, kid: 'k1' } as never, pair.privateKey as never);
      const away: Error[] = [];
      const readWith = (change: object, bearer: string) =>
        createBuyerTokens({ ...settings, secret: null, ...change }, (error) => void away.push(error)).read(
          { req: { header: () => `Bearer ${bearer}` } } as never,
          'r1',
        );
      try {
        for (const jwks of [file, url])
          expect(await readWith({ jwks }, token)).toEqual({ kind: 'buyer', buyerId: 'kim' });
        // The classic confusion: the public key as the secret of an HS256 token.
        expect(await readWith({ jwks: file }, await signed({ sub: 'kim' }))).toMatchObject({
          answer: { status: 401 },
        });
        expect(await readWith({ secret }, token)).toMatchObject({ answer: { status: 401 } });
      } finally {
        await new Promise((closed) => server.close(closed));
      }
      expect(away).toEqual([]);
      expect(await readWith({ jwks: url }, token), 'the keys are away').toMatchObject({
        answer: { status: 503 },
      });
      expect(away).toHaveLength(1);
    },
  );
});
