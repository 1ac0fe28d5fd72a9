import { Redis } from 'ioredis';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import {
  type GuardedShop,
  merchant,
  openGuardedShop,
  playEverything,
  secrets,
} from '../support/guarded-shop.ts';
import { until } from '../support/sales.ts';
import { openStripeDouble, type StripeDouble } from '../support/stripe-double.ts';

const tokenSecret = 'mark8-buyer-token-secret-0123456789abcdef';
const wrongKey = 'hf_mark11wrongkeywrongkeywrongkeywrongkeywro';

/** Every call, with secrets that can be recognised, and every process telling all that it ever tells. */
describe('what is secret', () => {
  let shop: GuardedShop;
  let signedIn: EdgeProcess;
  let stripe: StripeDouble;
  let root: Redis;
  /** What was found out on the way: keys that were made, tokens, cookies. */
  const made: string[] = [];

  beforeAll(async () => {
    const all = { LOG_LEVEL: 'trace', SLOW_REQUEST_MS: '0' };
    shop = await openGuardedShop(all);
    stripe = await openStripeDouble();
    root = new Redis(shop.redisUrl('root'));
    signedIn = await startEdge({
      REDIS_URL: shop.redisUrl('edge'),
      BUYER_AUTH: 'jwt',
      BUYER_TOKEN_SECRET: tokenSecret,
      PAYMENTS: 'stripe',
      STRIPE_SECRET_KEY: stripe.secretKey,
      STRIPE_WEBHOOK_SECRET: stripe.webhookSecret,
      STRIPE_API_URL: stripe.url,
      ...all,
    });
  }, 180_000);
  afterAll(async () => {
    root.disconnect();
    await signedIn.kill();
    await stripe.close();
    await shop.close();
  });

  const post = (url: string, path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  it('stands in no log of any process, however much it tells and whatever goes wrong', async () => {
    await playEverything(shop, async () => void (await root.flushall()));
    await merchant(shop, 'POST', '/v1/sales', {
      id: 'paid',
      name: 'Paid',
      status: 'open',
      items: [{ sku: 'tee', stock: 5, priceMinor: 100 }],
    });

    const token = await new SignJWT({ sub: 'mark12-buyer' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('10m')
      .sign(new TextEncoder().encode(tokenSecret));
    const authorized = { Authorization: `Bearer ${token}`, 'Idempotency-Key': 'mark13-key' };
    made.push(token, token.split('.')[2] as string, 'mark12-buyer');
    const bought = await post(
      signedIn.url,
      '/v1/sales/paid/reservations',
      {},
      { ...authorized, Prefer: 'wait=20' },
    );
    expect(bought.status).toBe(201);
    const { id } = (await bought.json()) as { id: string };
    const paying = await post(signedIn.url, `/v1/tickets/${id}/confirm`, {}, authorized);
    const { payment } = (await paying.json()) as { payment?: { clientSecret?: string } };
    expect(payment?.clientSecret).toBeDefined();
    made.push(payment?.clientSecret as string);
    for (const path of ['/v1/sales/paid/tickets', `/v1/tickets/${id}`])
      expect((await fetch(signedIn.url + path, { headers: authorized })).status, path).toBe(200);
    const forged = `${token.slice(0, -3)}abc`;
    made.push(forged);
    await post(signedIn.url, '/v1/sales/paid/reservations', {}, { Authorization: `Bearer ${forged}` });
    await post(
      signedIn.url,
      '/v1/payments/stripe',
      { mark: 'mark14-event' },
      { 'Stripe-Signature': 't=1,v1=mark15' },
    );
    await post(signedIn.url, '/v1/sales/paid/reservations', { mark16: 'mark16' }, authorized);

    const session = await post(
      shop.console.url,
      '/v1/session',
      { key: shop.adminKey },
      { Origin: shop.console.url },
    );
    expect(session.status).toBeLessThan(300);
    const cookie = session.headers.get('set-cookie')?.split(';')[0] as string;
    made.push(cookie.split('=')[1] as string);
    await fetch(`${shop.console.url}/v1/sales`, { headers: { Cookie: cookie } });
    await post(shop.console.url, '/v1/session', { key: wrongKey }, { Origin: shop.console.url });
    await fetch(`${shop.console.url}/v1/sales`, { headers: { Authorization: `Bearer ${wrongKey}` } });
    const key = await merchant(shop, 'POST', '/v1/keys', { name: 'till', scopes: ['read'] });
    const hook = await merchant(shop, 'POST', '/v1/webhooks', { url: shop.receiver.url('/mark17-path') });
    made.push(key.key, hook.secret);

    // Faults carry what they failed at: commands with their arguments, rows that were refused.
    for (const user of ['edge', 'worker', 'console'])
      await root.call('ACL', 'SETUSER', user, 'clearselectors', '-multi', '-publish');
    await post(
      shop.edge.url,
      '/v1/sales/paid/reservations',
      { buyerId: 'mark18' },
      { 'Idempotency-Key': 'mark19' },
    );
    await post(signedIn.url, '/v1/sales/paid/reservations', {}, authorized);
    await merchant(shop, 'POST', '/v1/sales/paid/pause', {}).catch(() => undefined);
    await root.call('ACL', 'SETUSER', 'edge', 'resetpass', '>another');
    await root.call('CLIENT', 'KILL', 'USER', 'edge');
    await until(
      'the edges to have noticed',
      async () =>
        [shop.edge, signedIn].every((edge) => /NOPERM/.test(edge.log()) && /WRONGPASS/.test(edge.log())),
      40_000,
    );

    const logs = {
      edge: shop.edge.log(),
      signedIn: signedIn.log(),
      console: shop.console.log(),
      worker: shop.worker.log(),
    };
    expect(logs.edge).toContain('A request was slow');
    expect(logs.console).toContain('a slow request');
    expect(made.filter((one) => typeof one !== 'string' || one.length < 10)).toEqual([]);
    const marks = [
      ...Object.values(secrets),
      tokenSecret,
      stripe.secretKey,
      stripe.webhookSecret,
      wrongKey,
      ...made,
    ];
    for (const [name, log] of Object.entries(logs)) {
      expect(/mark\d+[^"\s]*/.exec(log)?.[0], name).toBeUndefined();
      expect(
        marks.filter((mark) => log.includes(mark)),
        name,
      ).toEqual([]);
    }
  }, 240_000);
});
