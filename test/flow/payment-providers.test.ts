import { makeTicketId, type PaymentOrder, type PaymentProvider } from '@holdfast/core';
import { createPaymentProvider, type FakeProvider, type ProviderChoice } from '@holdfast/payments';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventOf, openStripeDouble, type SignedEvent, type StripeDouble } from '../support/stripe-double.ts';

let stripe: StripeDouble;
let faults: string[];
let tickets = 0;

beforeAll(async () => {
  stripe = await openStripeDouble();
});
afterAll(() => stripe.close());
beforeEach(() => {
  faults = [];
  stripe.troubles.length = 0;
  stripe.calls.length = 0;
});

function newOrder(change: Partial<PaymentOrder> = {}): PaymentOrder {
  tickets += 1;
  const ticketId = makeTicketId('0', 'tees', String(tickets).padStart(22, '0'));
  return { ticketId, saleId: 'tees', totalMinor: 9_800, currency: 'EUR', ...change };
}

type Change = Partial<Extract<ProviderChoice, { kind: 'stripe' }>>;

async function open(kind: 'stripe' | 'fake', change: Change = {}): Promise<PaymentProvider> {
  const { secretKey, webhookSecret, url } = stripe;
  const choice: ProviderChoice =
    kind === 'fake' ? { kind } : { kind, secretKey, webhookSecret, apiUrl: url, ...change };
  const provider = await createPaymentProvider(choice, (error) => void faults.push(String(error.stack)));
  if (provider === null) throw new Error('There is no provider');
  return provider;
}

async function begin(provider: PaymentProvider, order: PaymentOrder) {
  const begun = await provider.begin(order);
  if (begun.kind === 'refused') throw new Error(`no payment: ${begun.code} ${faults.join()}`);
  return begun;
}

const readNotice = (provider: PaymentProvider, { body, signature }: SignedEvent) =>
  provider.readNotice(Buffer.from(body), signature);

describe.each(['stripe', 'fake'] as const)('the provider %s', (kind) => {
  it('begins one payment for a ticket, and finds it again at any edge', async () => {
    const order = newOrder();
    const first = await begin(await open(kind), order);
    expect(first).toMatchObject({ payment: { status: 'open' }, notice: null });
    const again = await begin(await open(kind), order);
    expect(again).toEqual(first);
    const other = await begin(await open(kind), newOrder());
    expect(other.payment.clientSecret).not.toBe(first.payment.clientSecret);
  });

  it.each(['succeeded', 'failed', 'cancelled'] as const)('tells of a payment that %s', async (what) => {
    const provider = await open(kind);
    const order = newOrder();
    const { payment } = await begin(provider, order);
    const read = readNotice(provider, eventOf(provider, stripe, payment.clientSecret, what));
    expect(read).toEqual({
      kind: 'notice',
      notice: {
        kind: what,
        paymentRef: expect.stringMatching(/^(pi|fake)_[0-9a-f]{24}$/),
        ticketId: order.ticketId,
        amountMinor: what === 'succeeded' ? 9_800 : 0,
        currency: 'EUR',
      },
    });
  });

  it('names the same payment in every event of it', async () => {
    const provider = await open(kind);
    const { payment } = await begin(provider, newOrder());
    const refs = (['failed', 'succeeded', 'succeeded'] as const).map((what) => {
      const read = readNotice(provider, eventOf(provider, stripe, payment.clientSecret, what));
      return read.kind === 'notice' ? read.notice.paymentRef : null;
    });
    expect(new Set(refs).size).toBe(1);
    expect(refs[0]).not.toBeNull();
  });

  it('believes no event without its own fresh signature over exactly these bytes', async () => {
    const provider = await open(kind);
    const { payment } = await begin(provider, newOrder());
    const event = eventOf(provider, stripe, payment.clientSecret, 'succeeded');
    const mac = /v1=([0-9a-f]+)/.exec(event.signature)?.[1] ?? '';
    expect(provider.readNotice(Buffer.from(event.body), event.signature).kind).toBe('notice');
    const wrong = [
      undefined,
      '',
      'v1',
      't=,v1=',
      `v1=${mac}`,
      `t=${Math.floor(Date.now() / 1_000)}`,
      `t=${Math.floor(Date.now() / 1_000)},v1=${'0'.repeat(64)}`,
      `t=${Math.floor(Date.now() / 1_000) + 1},v1=${mac}`,
      event.signature.replace('v1=', 'v0='),
      event.signature.slice(0, -1),
    ];
    for (const signature of wrong)
      expect(provider.readNotice(Buffer.from(event.body), signature), String(signature)).toEqual({
        kind: 'unsigned',
      });
    const other = event.body.replace('9800', '9801');
    expect(other).not.toBe(event.body);
    expect(readNotice(provider, { ...event, body: other })).toEqual({ kind: 'unsigned' });
    expect(readNotice(provider, { ...event, body: '' })).toEqual({ kind: 'unsigned' });
  });

  describe('when an event is recorded and sent again later', () => {
    afterEach(() => void vi.useRealTimers());

    it.each([
      ['within five minutes', 295, 'notice'],
      ['later', 310, 'unsigned'],
    ])('%s', async (_, ageSeconds, expected) => {
      const provider = await open(kind);
      const { payment } = await begin(provider, newOrder());
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - ageSeconds * 1_000 });
      const event = eventOf(provider, stripe, payment.clientSecret, 'succeeded');
      vi.useRealTimers();
      expect(readNotice(provider, event).kind).toBe(expected);
    });
  });
});

describe('Stripe', () => {
  it('is asked for what the ticket costs, under the ticket as the key', async () => {
    const order = newOrder();
    await begin(await open('stripe'), order);
    expect(stripe.calls).toEqual([
      { method: 'POST', path: '/v1/payment_intents', idempotencyKey: order.ticketId },
    ]);
    expect(stripe.intents.at(-1)).toMatchObject({
      amount: 9_800,
      currency: 'eur',
      metadata: { ticketId: order.ticketId, saleId: 'tees' },
    });
  });

  it.each([
    ['JPY', 500],
    ['ISK', 50_000],
    ['UGX', 50_000],
  ])('counts 500 %s as %i, and back', async (currency, amount) => {
    const provider = await open('stripe');
    const { payment } = await begin(provider, newOrder({ totalMinor: 500, currency }));
    expect(stripe.intents.at(-1)?.amount).toBe(amount);
    const read = readNotice(provider, eventOf(provider, stripe, payment.clientSecret, 'succeeded'));
    expect(read).toMatchObject({ notice: { amountMinor: 500, currency } });
  });

  it('tells of a payment that ended while the news of it was lost, as soon as it is begun again', async () => {
    const provider = await open('stripe');
    const order = newOrder();
    const { payment } = await begin(provider, order);
    eventOf(provider, stripe, payment.clientSecret, 'succeeded');
    expect(await begin(provider, order)).toMatchObject({
      payment: { status: 'succeeded', clientSecret: payment.clientSecret },
      notice: { kind: 'succeeded', ticketId: order.ticketId, amountMinor: 9_800 },
    });
  });

  it('whose answer is lost has begun one payment, not two', async () => {
    stripe.troubles.push({ kind: 'done_in_silence', done: () => undefined });
    const order = newOrder();
    const { payment } = await begin(await open('stripe', { patience: { callMs: 500 } }), order);
    const made = stripe.intents.filter(({ metadata }) => metadata['ticketId'] === order.ticketId);
    expect(made.map((intent) => intent.client_secret)).toEqual([payment.clientSecret]);
  });

  it('that remembers its own failure for a key does not keep the buyer from paying', async () => {
    const order = newOrder();
    stripe.troubles.push({ kind: 'status', status: 500, remembered: true });
    const { payment } = await begin(await open('stripe'), order);
    expect(payment.status).toBe('open');
    expect(await begin(await open('stripe'), order)).toMatchObject({ payment });
    expect(stripe.intents.filter(({ metadata }) => metadata['ticketId'] === order.ticketId)).toHaveLength(1);
  });

  it('away is payment_unavailable, is left alone after five failures, and asked again later', async () => {
    let now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    try {
      const provider = await open('stripe', { patience: { retries: 0 } });
      for (let failure = 1; failure <= 5; failure += 1) {
        stripe.troubles.push({ kind: 'status', status: 503 });
        expect(await provider.begin(newOrder())).toMatchObject({
          kind: 'refused',
          code: 'payment_unavailable',
        });
      }
      const asked = stripe.calls.length;
      expect(await provider.begin(newOrder())).toMatchObject({ code: 'payment_unavailable' });
      expect(stripe.calls.length, 'nobody waits for it').toBe(asked);
      now += 5_001;
      expect((await begin(provider, newOrder())).payment.status).toBe('open');
      expect((await begin(provider, newOrder())).payment.status).toBe('open');
    } finally {
      clock.mockRestore();
    }
  });

  it('that breaks a connection is asked again', async () => {
    stripe.troubles.push({ kind: 'cut' });
    expect((await begin(await open('stripe'), newOrder())).payment.status).toBe('open');
    expect(stripe.calls).toHaveLength(2);
  });

  it('that asks for a minute of patience does not get it from a buyer', async () => {
    const patience = { kind: 'status', status: 429, headers: { 'retry-after': '60' } } as const;
    stripe.troubles.push(
      {
        ...patience,
        headers: { ...patience.headers, 'stripe-should-retry': 'true' } as Record<string, string>,
      },
      patience,
    );
    const provider = await open('stripe', { patience: { beginMs: 300 } });
    expect(await provider.begin(newOrder())).toMatchObject({ code: 'payment_unavailable' });
    expect(stripe.calls).toHaveLength(1);
    stripe.troubles.length = 0;
  });

  it('that refuses us is reported without the key, the ticket or the secret, and no outage for others', async () => {
    const secretKey = 'sk_test_wrong_key_wrong_key';
    const provider = await open('stripe', { secretKey });
    const order = newOrder();
    for (let count = 0; count < 6; count += 1)
      expect(await provider.begin(order)).toMatchObject({ code: 'payment_unavailable' });
    expect(stripe.calls).toHaveLength(6);
    expect(faults[0]).toContain('StripeAuthenticationError 401');
    for (const fault of faults) {
      expect(fault).not.toContain(secretKey);
      expect(fault).not.toContain(order.ticketId);
      expect(fault).not.toContain(stripe.webhookSecret);
    }
  });

  it('may say things that concern nobody here', async () => {
    const provider = await open('stripe');
    await begin(provider, newOrder());
    const intent = stripe.intents.at(-1);
    if (intent === undefined) throw new Error('There is no intent');
    expect(readNotice(provider, stripe.event('processing', intent))).toEqual({ kind: 'other' });
    const foreign = stripe.event('succeeded', intent, { change: { metadata: {} } });
    expect(readNotice(provider, foreign)).toMatchObject({ kind: 'notice', notice: { ticketId: null } });
    expect(readNotice(provider, stripe.event('succeeded', intent, { secret: 'whsec_other' })).kind).toBe(
      'unsigned',
    );
  });
});

describe('the fake provider', () => {
  it('neither acts on nor shows what it did not seal, however it is bent', async () => {
    const provider = (await open('fake')) as FakeProvider;
    const { payment } = await begin(provider, newOrder());
    const [order = '', seal = ''] = payment.clientSecret.split('.');
    const bent = ['', '.', order, `.${seal}`, `${order}.`, `${order}x.${seal}`, `${order}.${seal}x`];
    for (const clientSecret of bent) {
      expect(provider.act(clientSecret, 'pay'), clientSecret).toBeNull();
      expect(provider.orderOf(clientSecret), clientSecret).toBeNull();
    }
  });
});
