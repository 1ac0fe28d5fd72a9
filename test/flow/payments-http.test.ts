import { isProblemCode, payingTicketSchema, ticketSchema } from '@holdfast/contracts';
import { makeTicketId, type PaymentNotice, type PaymentProvider } from '@holdfast/core';
import { createPaymentProvider } from '@holdfast/payments';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { atRest, until } from '../support/sales.ts';
import { eventOf, openStripeDouble, type SignedEvent, type StripeDouble } from '../support/stripe-double.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

type Kind = PaymentNotice['kind'];

interface Seen {
  status: number;
  headers: Headers;
  body: any;
}

let stripe: StripeDouble;
let house: EdgeHouse;
let provider: PaymentProvider;

async function ask(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${house.url}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body }),
  });
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const seen: Seen = {
    status: response.status,
    headers: response.headers,
    body: isJson ? await response.json() : await response.text(),
  };
  return seen;
}

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  ask('POST', path, JSON.stringify(body), { 'Content-Type': 'application/json', ...headers });
const confirm = (ticketId: string, body: object = {}) => post(`/v1/tickets/${ticketId}/confirm`, body);
const ticketNow = async (ticketId: string) => (await ask('GET', `/v1/tickets/${ticketId}`)).body;

const deliver = ({ body, signature }: SignedEvent) =>
  ask('POST', `/v1/payments/${provider.name}`, body, {
    'Content-Type': 'application/json; charset=utf-8',
    [`${provider.name}-signature`]: signature,
  });
const tell = (clientSecret: string, kind: Kind) => deliver(eventOf(provider, stripe, clientSecret, kind));

function expectProblem(seen: Seen, status: number, code: string): void {
  expect([seen.status, seen.body?.code]).toEqual([status, code]);
}

async function hold(saleId: string, buyerId = 'anna', quantity = 1): Promise<string> {
  const answer = await post(
    `/v1/sales/${saleId}/reservations`,
    { buyerId, lines: [{ sku: 'tee', quantity }] },
    { Prefer: 'wait=10' },
  );
  expect([answer.status, answer.body.status]).toEqual([201, 'held']);
  return answer.body.id;
}

/** A hold whose payment has begun. */
async function beginPaying(saleId: string, buyerId = 'anna') {
  const ticketId = await hold(saleId, buyerId);
  const answer = await confirm(ticketId);
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return { ticketId, clientSecret: answer.body.payment.clientSecret as string };
}

/** What the journal tells of a ticket, once everything that was asked of it is decided. */
async function story(saleId: string, ticketId: string): Promise<{ type: string; data: any }[]> {
  await atRest(house, saleId);
  return (await house.ledger.ticketStory(ticketId))?.events ?? [];
}

const types = async (saleId: string, ticketId: string) =>
  (await story(saleId, ticketId)).map(({ type }) => type);

async function metric(name: string): Promise<number> {
  const text = (await ask('GET', '/metrics')).body as string;
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

beforeAll(async () => {
  stripe = await openStripeDouble();
});
afterAll(() => stripe.close());

const items = (stock: number, priceMinor = 4_900) => [
  { sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor, stock },
];

function openShop(kind: 'stripe' | 'fake'): void {
  beforeAll(async () => {
    const { secretKey, webhookSecret, url } = stripe;
    const opened = await createPaymentProvider(
      kind === 'fake' ? { kind } : { kind, secretKey, webhookSecret, apiUrl: url },
    );
    if (opened === null) throw new Error('There is no provider');
    provider = opened;
    house = await openEdgeHouse({ payments: provider });
  });
  afterAll(() => house.close());
  beforeEach(() => void stripe.troubles.splice(0));
}

describe.each(['stripe', 'fake'] as const)('with PAYMENTS=%s', (kind) => {
  openShop(kind);

  describe('a confirm', () => {
    it('begins the payment of a hold and leaves it held; the same call finds the same payment', async () => {
      const saleId = await house.open();
      const ticketId = await hold(saleId);
      const first = await confirm(ticketId);
      expect(first.status).toBe(202);
      expect(first.headers.get('location')).toBe(`/v1/tickets/${ticketId}`);
      const { payment } = payingTicketSchema.parse(first.body);
      expect(first.body).toMatchObject({ status: 'held', totalMinor: 4_900 });
      expect(payment).toMatchObject({ provider: kind, status: 'open' });
      expect((await confirm(ticketId)).body.payment).toEqual(payment);
      expect(await types(saleId, ticketId)).toEqual(['held']);
    });

    it('of a ticket that is still queued waits for the hold', async () => {
      const saleId = await house.open();
      const queued = await post(`/v1/sales/${saleId}/reservations`, { buyerId: 'anna' });
      expect(queued.body.status).toBe('queued');
      const answer = await confirm(queued.body.id);
      expect([answer.status, answer.body.status]).toEqual([202, 'held']);
    });

    it('does not take the word of the buyer that it was paid', async () => {
      const saleId = await house.open();
      const { ticketId } = await beginPaying(saleId);
      const answer = await confirm(ticketId, { paymentRef: 'pi_made_up' });
      expectProblem(answer, 422, 'invalid_body');
      expect(answer.body.issues).toMatchObject([{ pointer: '/paymentRef' }]);
      expect(JSON.stringify(answer.body)).not.toContain('made_up');
      expect(await types(saleId, ticketId)).toEqual(['held']);
    });

    it('of what costs nothing confirms at once, and nobody is asked for money', async () => {
      const saleId = await house.open({ items: items(5, 0) });
      const calls = stripe.calls.length;
      const ticketId = await hold(saleId);
      const answer = await confirm(ticketId);
      expect([answer.status, ticketSchema.parse(answer.body).status]).toEqual([200, 'confirmed']);
      expect(stripe.calls.length).toBe(calls);
    });

    it('where there is nothing to pay for says why, and begins no payment', async () => {
      const saleId = await house.open({ items: items(1), waitlist: true });
      const intents = stripe.intents.length;
      const ticketId = await hold(saleId);
      const waiting = await post(
        `/v1/sales/${saleId}/reservations`,
        { buyerId: 'bob' },
        { Prefer: 'wait=10' },
      );
      expect(waiting.body.status).toBe('waitlisted');
      expectProblem(await confirm(waiting.body.id), 409, 'sold_out');
      await post(`/v1/tickets/${waiting.body.id}/cancel`, {});
      await post(`/v1/tickets/${ticketId}/cancel`, {});
      expectProblem(await confirm(ticketId), 409, 'already_cancelled');
      expectProblem(await confirm(`${ticketId.slice(0, -1)}~`), 404, 'unknown_ticket');
      expectProblem(await confirm(makeTicketId('0', saleId, 'x'.repeat(22))), 404, 'unknown_ticket');
      expect(stripe.intents.length).toBe(intents);
    });
  });

  describe('an event', () => {
    it('that the payment succeeded confirms the hold, and the row has the payment', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      expect((await tell(clientSecret, 'succeeded')).status).toBe(200);
      expect(await types(saleId, ticketId)).toEqual(['held', 'confirmed']);
      const [row] = await house.ledger.readReservations(saleId, [ticketId]);
      expect(row).toMatchObject({ status: 'confirmed', paymentRef: expect.stringMatching(/^(pi|fake)_/) });
      const again = await confirm(ticketId);
      expect([again.status, again.body.status, again.body.payment]).toEqual([200, 'confirmed', undefined]);
      await expectConservation(house, saleId);
    });

    it('doubled, sent again and said in other events is one confirmation', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      const event = eventOf(provider, stripe, clientSecret, 'succeeded');
      const other = eventOf(provider, stripe, clientSecret, 'succeeded');
      const first = await Promise.all([event, event, other, event, other, event].map(deliver));
      expect(first.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
      await atRest(house, saleId);
      expect((await deliver(event)).status).toBe(200);
      expect((await deliver(other)).status).toBe(200);
      expect(await types(saleId, ticketId)).toEqual(['held', 'confirmed']);
      expect(await metric('holdfast_edge_payments_unclaimed_total{reason="surplus"}')).toBe(0);
    });

    it('without its signature, with a wrong one, or changed on the way does nothing', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      const event = eventOf(provider, stripe, clientSecret, 'succeeded');
      const stranger = stripe.event(
        'succeeded',
        { ...(stripe.intents.at(-1) as any) },
        { secret: 'whsec_no' },
      );
      const before = await metric('holdfast_edge_payment_events_unsigned_total');
      const wrong = [
        { ...event, signature: '' },
        { ...event, signature: event.signature.replace(/.$/, (last) => (last === '0' ? '1' : '0')) },
        { ...event, body: event.body.replace('4900', '4901') },
        { ...event, body: `${event.body} ` },
        { ...event, body: '' },
        { ...event, signature: stranger.signature },
      ];
      for (const one of wrong) expectProblem(await deliver(one), 401, 'unauthorized');
      const path = `/v1/payments/${provider.name}`;
      expectProblem(await ask('POST', path, event.body), 401, 'unauthorized');
      expect(await metric('holdfast_edge_payment_events_unsigned_total')).toBe(before + wrong.length + 1);
      expect(await types(saleId, ticketId)).toEqual(['held']);
    });

    it('that is too long, compressed, or no event at all is refused and never a fault', async () => {
      const path = `/v1/payments/${provider.name}`;
      expectProblem(await ask('POST', path, 'x'.repeat(256 * 1024 + 1)), 413, 'body_too_large');
      expectProblem(await ask('GET', path), 405, 'method_not_allowed');
      expectProblem(
        await ask('POST', `/v1/payments/${kind === 'fake' ? 'stripe' : 'fake'}`, '{}'),
        404,
        'not_found',
      );
      const header = `${provider.name}-signature`;
      const signatures = ['t=1', 't=1,v1=', 't=NaN,v1=aa', '=,=', 't=99999999999999999999,v1=00', ',,,'];
      for (const signature of signatures) {
        for (const body of ['', 'null', '[]', '{"data":{}}', '\u0000']) {
          const seen = await ask('POST', path, body, { [header]: signature });
          expectProblem(seen, 401, 'unauthorized');
        }
      }
    });

    it('that a card failed leaves the hold, and the buyer may try again', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      expect((await tell(clientSecret, 'failed')).status).toBe(200);
      const again = await confirm(ticketId);
      expect([again.status, again.body.payment]).toMatchObject([202, { clientSecret, status: 'open' }]);
      await tell(clientSecret, 'succeeded');
      expect(await types(saleId, ticketId)).toEqual(['held', 'confirmed']);
    });

    it('that the payment was cancelled gives the units back at once', async () => {
      const saleId = await house.open({ items: items(1) });
      const { ticketId, clientSecret } = await beginPaying(saleId);
      expect((await tell(clientSecret, 'cancelled')).status).toBe(200);
      expect(await types(saleId, ticketId)).toEqual(['held', 'cancelled']);
      await hold(saleId, 'bob');
      await expectConservation(house, saleId);
    });

    const orders = permutations<Kind>(['succeeded', 'failed', 'cancelled']);
    it.each(orders.map((order) => [order.join(', '), order] as const))(
      'in any order, each twice, never ends paid and with nothing: %s',
      async (_, order) => {
        const saleId = await house.open();
        const { ticketId, clientSecret } = await beginPaying(saleId);
        const events = order.map((what) => eventOf(provider, stripe, clientSecret, what));
        for (const event of [...events, ...events]) {
          expect((await deliver(event)).status).toBe(200);
          await atRest(house, saleId);
        }
        const paidFirst = order.indexOf('succeeded') < order.indexOf('cancelled');
        expect((await ticketNow(ticketId)).status).toBe(paidFirst ? 'confirmed' : 'refund_due');
        const [row] = await house.ledger.readReservations(saleId, [ticketId]);
        expect(row?.paymentRef).toMatch(/^(pi|fake)_/);
        await expectConservation(house, saleId);
      },
    );

    it('all at once never ends paid and with nothing', async () => {
      const saleId = await house.open({ items: items(20) });
      const holds = await Promise.all(
        Array.from({ length: 12 }, (_, buyer) => beginPaying(saleId, `buyer ${buyer}`)),
      );
      const told = holds.flatMap(({ clientSecret }, index) =>
        (orders[index % orders.length] as Kind[]).map((what) => tell(clientSecret, what)),
      );
      for (const { status } of await Promise.all(told)) expect(status).toBe(200);
      await atRest(house, saleId);
      for (const { ticketId } of holds)
        expect(['confirmed', 'refund_due']).toContain((await ticketNow(ticketId)).status);
      await expectConservation(house, saleId);
    });

    it('that comes after the hold has lapsed gets the units again while there are some, else a refund is due', async () => {
      const saleId = await house.open({ items: items(1), holdSeconds: 1 });
      const other = await house.open({ items: items(1), holdSeconds: 1 });
      const early = await beginPaying(saleId, 'anna');
      const late = await beginPaying(other, 'anna');
      await lapsed(early.ticketId);
      expectProblem(await confirm(early.ticketId), 409, 'hold_expired');
      await tell(early.clientSecret, 'succeeded');
      await becomes(early.ticketId, 'confirmed');

      await lapsed(late.ticketId);
      const next = await beginPaying(other, 'bob');
      await tell(next.clientSecret, 'succeeded');
      await tell(late.clientSecret, 'succeeded');
      await becomes(late.ticketId, 'refund_due');
      await becomes(next.ticketId, 'confirmed');
      expect((await story(other, late.ticketId)).map(({ type }) => type)).toEqual([
        'held',
        'expired',
        'paid_late',
        'refund_due',
      ]);
      await expectConservation(house, other);
    });

    it('of a payment for a hold that its buyer gave back meanwhile ends in a refund', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      expect((await post(`/v1/tickets/${ticketId}/cancel`, {})).body.status).toBe('cancelled');
      await tell(clientSecret, 'succeeded');
      await becomes(ticketId, 'refund_due');
      const told = await story(saleId, ticketId);
      expect(told.at(-1)).toMatchObject({ type: 'refund_due', data: { paymentRef: expect.any(String) } });
    });

    it('finds its place even if the buyer has used up all commands of the ticket', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      const extend = (key: number) =>
        post(`/v1/tickets/${ticketId}/extend`, { seconds: 1 }, { 'Idempotency-Key': `again ${key}` });
      const answers = await Promise.all(Array.from({ length: 80 }, (_, key) => extend(key)));
      expect(answers.some(({ status }) => status === 429)).toBe(true);
      expect((await tell(clientSecret, 'succeeded')).status).toBe(200);
      await becomes(ticketId, 'confirmed');
    });
  });
});

describe('with PAYMENTS=stripe alone,', () => {
  openShop('stripe');

  describe('an event that Stripe’s own library signed', () => {
    type Sent = (
      event: (type: 'succeeded' | 'payment_failed' | 'canceled', how?: object) => SignedEvent,
    ) => SignedEvent[];

    const sent: [name: string, send: Sent, statuses: number[], story: string[]][] = [
      ['signed, confirms', (event) => [event('succeeded')], [200], ['held', 'confirmed']],
      ['unsigned, does nothing', (event) => [{ ...event('succeeded'), signature: '' }], [401], ['held']],
      [
        'with the secret of another endpoint, does nothing',
        (event) => [event('succeeded', { secret: 'whsec_of_another_endpoint' })],
        [401],
        ['held'],
      ],
      [
        'with a body that was changed on the way, does nothing',
        (event) => [event('succeeded')].map((one) => ({ ...one, body: one.body.replace('4900', '1') })),
        [401],
        ['held'],
      ],
      [
        'four minutes late, counts',
        (event) => [event('succeeded', { ageSeconds: 240 })],
        [200],
        ['held', 'confirmed'],
      ],
      ['stale, does nothing', (event) => [event('succeeded', { ageSeconds: 330 })], [401], ['held']],
      [
        'replayed, byte by byte, counts once',
        (event) => Array.from({ length: 3 }).fill(event('succeeded')) as SignedEvent[],
        [200, 200, 200],
        ['held', 'confirmed'],
      ],
      [
        'duplicated under another id, counts once',
        (event) => [event('succeeded'), event('succeeded')],
        [200, 200],
        ['held', 'confirmed'],
      ],
      [
        'out of order, a failure behind the success, takes nothing back',
        (event) => [event('succeeded'), event('payment_failed')],
        [200, 200],
        ['held', 'confirmed'],
      ],
      [
        'out of order, the success behind a failure, confirms',
        (event) => [event('payment_failed'), event('succeeded')],
        [200, 200],
        ['held', 'confirmed'],
      ],
      [
        'out of order, a cancellation behind the success, takes nothing back',
        (event) => [event('succeeded'), event('canceled')],
        [200, 200],
        ['held', 'confirmed'],
      ],
      [
        'out of order, the success behind a cancellation, owes the money back',
        (event) => [event('canceled'), event('succeeded')],
        [200, 200],
        ['held', 'cancelled', 'refund_due'],
      ],
    ];

    it.each(sent)('%s', async (_name, send, statuses, told) => {
      const saleId = await house.open();
      const { ticketId } = await beginPaying(saleId);
      const intent = stripe.intents.at(-1);
      if (intent === undefined) throw new Error('There is no intent');
      const answers: number[] = [];
      for (const event of send((type, how) => stripe.event(type, intent, how))) {
        answers.push((await deliver(event)).status);
        await atRest(house, saleId);
      }
      expect(answers).toEqual(statuses);
      expect((await types(saleId, ticketId)).filter((type) => type !== 'refused')).toEqual(told);
      await expectConservation(house, saleId);
    });
  });

  describe('money that came and bought nothing', () => {
    it('for a ticket that nobody knows is reported, and Stripe is not asked to send it again', async () => {
      const saleId = await house.open();
      await beginPaying(saleId);
      const intent = stripe.intents.at(-1) as any;
      const ticketId = makeTicketId('0', saleId, 'y'.repeat(22));
      const name = 'holdfast_edge_payments_unclaimed_total{reason="unknown_ticket"}';
      for (const unknown of [ticketId, 'nonsense']) {
        const before = await metric(name);
        const lost = (type: 'succeeded' | 'canceled') =>
          deliver(stripe.event(type, { ...intent }, { change: { metadata: { ticketId: unknown } } }));
        expect((await lost('canceled')).status).toBe(200);
        expect(await metric(name)).toBe(before);
        expect((await lost('succeeded')).status).toBe(200);
        expect(await metric(name)).toBe(before + 1);
      }
      expect(lastLogged()).toContain(intent.id);
      expect(lastLogged()).not.toContain(ticketId);
    });

    it.each([
      ['too little', { amount_received: 4_899 }],
      ['too much', { amount_received: 4_901 }],
      ['in other money', { currency: 'usd' }],
    ])('because it was %s confirms nothing, and the right payment still can', async (_, change) => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      const intent = stripe.intents.at(-1) as any;
      const name = 'holdfast_edge_payments_unclaimed_total{reason="mismatch"}';
      const before = await metric(name);
      expect((await deliver(stripe.event('succeeded', { ...intent }, { change }))).status).toBe(200);
      expect(await metric(name)).toBe(before + 1);
      expect(lastLogged()).toContain('money came that bought nothing');
      expect(await types(saleId, ticketId)).toEqual(['held']);
      await tell(clientSecret, 'succeeded');
      expect(await types(saleId, ticketId)).toEqual(['held', 'confirmed']);
    });

    it('because another payment had bought already stands in the journal, and is reported once', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      await tell(clientSecret, 'succeeded');
      await becomes(ticketId, 'confirmed');
      const second = stripe.event('succeeded', { ...(stripe.intents.at(-1) as any), id: 'pi_second' });
      const name = 'holdfast_edge_payments_unclaimed_total{reason="surplus"}';
      const before = await metric(name);
      expect((await deliver(second)).status).toBe(200);
      expect((await story(saleId, ticketId)).at(-1)).toMatchObject({
        type: 'refused',
        data: { reason: 'already_confirmed', paymentRef: 'pi_second' },
      });
      expect((await deliver(second)).status).toBe(200);
      expect(await metric(name)).toBe(before + 1);
    });

    it('since it is somebody else’s, who shares the account, is nobody’s business here', async () => {
      const saleId = await house.open();
      const { ticketId } = await beginPaying(saleId);
      const logged = house.logged.length;
      const intent = stripe.intents.at(-1) as any;
      const event = stripe.event('succeeded', { ...intent }, { change: { metadata: {} } });
      expect((await deliver(event)).status).toBe(200);
      expect(house.logged.length).toBe(logged);
      expect(await types(saleId, ticketId)).toEqual(['held']);
    });
  });

  describe('Stripe', () => {
    it('away: payment_unavailable, the hold stays, and later the buyer pays', async () => {
      const saleId = await house.open();
      const ticketId = await hold(saleId);
      stripe.troubles.push({ kind: 'status', status: 503 }, { kind: 'status', status: 503 });
      const answer = await confirm(ticketId);
      expectProblem(answer, 503, 'payment_unavailable');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await ticketNow(ticketId)).status).toBe('held');
      expect((await confirm(ticketId)).status).toBe(202);
    });

    it('whose event is lost: the buyer who asks again is confirmed all the same, once', async () => {
      const saleId = await house.open();
      const { ticketId, clientSecret } = await beginPaying(saleId);
      const lost = eventOf(provider, stripe, clientSecret, 'succeeded');
      const answer = await confirm(ticketId);
      expect([answer.status, answer.body.status]).toEqual([200, 'confirmed']);
      expect((await deliver(lost)).status).toBe(200);
      expect(await types(saleId, ticketId)).toEqual(['held', 'confirmed']);
    });

    it('whose payment was cancelled there, with the event lost: the buyer is told, and the units are free', async () => {
      const saleId = await house.open({ items: items(1) });
      const { ticketId, clientSecret } = await beginPaying(saleId);
      eventOf(provider, stripe, clientSecret, 'cancelled');
      expectProblem(await confirm(ticketId), 409, 'already_cancelled');
      await hold(saleId, 'bob');
    });
  });

  it('an event that the gate cannot take is not acknowledged, and is taken when it is sent again', async () => {
    const saleId = await house.open();
    const { ticketId, clientSecret } = await beginPaying(saleId);
    const event = eventOf(provider, stripe, clientSecret, 'succeeded');
    await house.redis.kill();
    const refused = await deliver(event);
    expectProblem(refused, 503, 'gate_unavailable');
    expect(isProblemCode(refused.body.code)).toBe(true);
    await house.redis.restart();
    await until('the event to be taken', async () => (await deliver(event)).status === 200);
    await becomes(ticketId, 'confirmed');
    expect(await types(saleId, ticketId)).toEqual(['held', 'confirmed']);
  }, 30_000);
});

describe('with PAYMENTS=fake alone,', () => {
  openShop('fake');

  describe('the page of the fake provider', () => {
    const page = async (saleId: string) => {
      const { ticketId } = await beginPaying(saleId);
      return { ticketId, payUrl: (await confirm(ticketId)).body.payment.payUrl as string };
    };

    it('shows what is to be paid, and its buttons go the way of every signed event', async () => {
      const saleId = await house.open();
      const { ticketId, payUrl } = await page(saleId);
      const shown = await ask('GET', payUrl);
      expect(shown.status).toBe(200);
      expect(shown.body).toContain('€49.00');
      expect((await ask('POST', `${payUrl}/fail`)).status).toBe(200);
      expect((await ticketNow(ticketId)).status).toBe('held');
      expect((await ask('POST', `${payUrl}/pay`)).status).toBe(200);
      await becomes(ticketId, 'confirmed');
      const given = await page(saleId);
      expect((await ask('POST', `${given.payUrl}/cancel`)).status).toBe(200);
      await becomes(given.ticketId, 'cancelled');
    });

    it('knows no other secret and no other act', async () => {
      const { payUrl } = await page(await house.open());
      expectProblem(await ask('GET', `${payUrl}x`), 404, 'not_found');
      expectProblem(await ask('POST', `${payUrl}x/pay`), 404, 'not_found');
      expectProblem(await ask('POST', `${payUrl}/steal`), 404, 'not_found');
      expectProblem(await ask('POST', '/v1/payments/fake/%00/pay'), 404, 'not_found');
    });
  });
});

function lastLogged(): string {
  return house.logged.at(-1) ?? '';
}

function becomes(ticketId: string, status: string): Promise<boolean> {
  return until(`${ticketId} to be ${status}`, async () => (await ticketNow(ticketId)).status === status);
}

const lapsed = (ticketId: string) => becomes(ticketId, 'expired');

function permutations<One>(all: readonly One[]): One[][] {
  if (all.length < 2) return [[...all]];
  return all.flatMap((first, index) =>
    permutations(all.filter((_, other) => other !== index)).map((rest) => [first, ...rest]),
  );
}
