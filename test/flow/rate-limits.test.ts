import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '@holdfast/client';
import { withRedis } from '../support/damage.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

const window = { windowSeconds: 3_600 };

describe('an edge with rate limits', () => {
  let house: EdgeHouse;
  let sale: string;

  beforeAll(async () => {
    house = await openEdgeHouse({
      limits: {
        writes: { quantity: 20, ...window },
        buyer: { quantity: 3, ...window },
        reads: { quantity: 1_000, ...window },
      },
    });
    sale = await house.open();
  });
  afterAll(() => house.close());

  /** The test is the proxy that the edge trusts. */
  function reserve(buyerId: string, from: string, saleId = sale) {
    return fetch(`${house.url}/v1/sales/${saleId}/reservations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': from },
      body: JSON.stringify({ buyerId }),
    });
  }

  it('counts the reservations of a buyer wherever they come from, and takes no unit beyond', async () => {
    const answers = [];
    for (let ask = 0; ask < 5; ask++) answers.push(await reserve('ann', `198.51.100.${ask}`));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 429, 429]);
    const { headers } = answers[4] as Response;
    expect(headers.get('ratelimit-policy')).toBe('"buyer";q=3;w=3600');
    expect(headers.get('ratelimit')).toMatch(/^"buyer";r=0;t=3[56]\d\d$/);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(3_000);
    expect(await answers[4]?.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    const rows = await house.rows('select 1 from reservations where sale_id = $1 and buyer_id = $2', [
      sale,
      'ann',
    ]);
    expect(rows.length).toBeLessThanOrEqual(3);
  });

  it('counts an address whoever asks from it, before it reads what they ask', async () => {
    const statuses: number[] = [];
    for (let ask = 0; ask < 22; ask++)
      statuses.push((await reserve(`b${ask}`, '203.0.113.5', 'no-such-sale')).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 404), 429, 429]);
    const tooLarge = await fetch(`${house.url}/v1/sales/${sale}/reservations`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', 'X-Forwarded-For': '203.0.113.5' },
      body: 'x'.repeat(100_000),
    }).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([429, 'cut off']).toContain(tooLarge);
  });

  it('takes an IPv6 network for one address, and believes no hop left of the first that it does not trust', async () => {
    const statuses: number[] = [];
    for (let ask = 0; ask < 21; ask++)
      statuses.push(
        (await reserve(`c${ask}`, `10.${ask}.0.1, 2001:db8:7:7:${ask}::1`, 'no-such-sale')).status,
      );
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    expect((await reserve('c99', '2001:db8:7:8::1', 'no-such-sale')).status, 'the network next to it').toBe(
      404,
    );
  });

  it('lets whoever asked too often follow the ticket that came of it', async () => {
    const other = await house.open();
    const client = createClient({ baseUrl: house.url, attempts: 1 });
    const first = await client.reserve(other, { buyerId: 'dee' });
    if (first.kind === 'refused') throw new Error(first.code);
    for (let ask = 0; ask < 5; ask++) await reserve('dee', '198.51.100.77', other);
    expect(await client.ticket(first.ticket.id)).toMatchObject({
      kind: 'ticket',
      ticket: { buyerId: 'dee' },
    });
  });

  it('keeps no address and no buyer in Redis, and forgets every count', async () => {
    await reserve('somebody-known', '198.51.100.200');
    await withRedis(house as never, async (redis) => {
      const keys = await redis.keys('limit:*');
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.join()).not.toMatch(/198\.51|somebody/);
      for (const key of keys) expect(await redis.ttl(key)).toBeGreaterThan(0);
    });
  });

  it('goes on counting by itself while Redis is away', async () => {
    await house.redis.kill();
    const asked = Array.from({ length: 22 }, (_, ask) => reserve(`e${ask}`, '192.0.2.44'));
    const statuses = (await Promise.all(asked)).map(({ status }) => status).sort();
    expect(statuses).toEqual([429, 429, ...Array.from({ length: 20 }, () => 503)]);
    await house.redis.restart();
  });
});
