import type { PaymentProvider, Ticket } from '@holdfast/core';
import { createPaymentProvider } from '@holdfast/payments';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPayments, type Payments } from '../../apps/edge/src/payments.ts';
import { takeEvent } from '../../apps/edge/src/routes/payment-events.ts';
import { tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { emptyRedis } from '../support/damage.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type FaultyLine, openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until } from '../support/sales.ts';
import { eventOf, openStripeDouble, type SignedEvent, type StripeDouble } from '../support/stripe-double.ts';

const races = 200;
const waiting = 100;
const spreadMs = 5;

let house: House;
let stripe: StripeDouble;

beforeAll(async () => {
  stripe = await openStripeDouble();
  house = await openHouse({ workers: 2, edges: 2, sweepEveryMs: 100 });
});
afterAll(async () => {
  await house.close();
  await stripe.close();
});

async function openProvider(): Promise<PaymentProvider> {
  const { secretKey, webhookSecret, url } = stripe;
  const provider = await createPaymentProvider({ kind: 'stripe', secretKey, webhookSecret, apiUrl: url });
  if (provider === null) throw new Error('There is no provider');
  return provider;
}

describe('when the money meets the deadline', () => {
  it(`F33: money that meets the deadline, before, after and within ${spreadMs} ms of it, told at two edges, ${races} times, with a waitlist behind them: units or a refund, never paid and nothing`, async () => {
    const provider = await openProvider();
    const desks = house.edges.map((edge) => createPayments(provider, edge, house.log)) as [
      Payments,
      Payments,
    ];
    const sale = await openTees(house, races, { holdSeconds: 5, waitlist: true });
    // No hold begins before everything stands ready.
    house.freeze(sale);
    const tickets = (await Promise.all(
      Array.from({ length: races }, (_, index) => buy(house.edge, sale, `b${index}`)),
    )) as Ticket[];
    await buyMany(house.edge, sale, 'w', waiting);
    const begun = await Promise.all(
      tickets.map(({ id }) =>
        provider.begin({ ticketId: id, saleId: sale, totalMinor: 4_900, currency: 'EUR' }),
      ),
    );
    const ids = tickets.map(({ id }) => id);
    house.thaw(sale);
    await until('all holds', async () => {
      const rows = await house.ledger.readReservations(sale, ids);
      return rows.length === races;
    });
    const deadlines = new Map(
      (await house.ledger.readReservations(sale, ids)).map((row) => [row.ticketId, row.expiresAt ?? 0]),
    );

    const answers = await Promise.all(
      begun.flatMap((answer, index) => {
        if (answer.kind === 'refused') throw new Error(`no payment: ${answer.code}`);
        const event = eventOf(provider, stripe, answer.payment.clientSecret, 'succeeded');
        // A third aims at the deadline itself. The others come ever earlier, so that a slow machine is in time for some,
        // and ever later, by a second and more, so that those who wait have got there first.
        const awayMs = [0, -10 * index, 4 * index][index % 3] as number;
        const deadline = deadlines.get(ids[index] as string) ?? 0;
        const at = deadline - spreadMs + (index % (2 * spreadMs + 1)) + 2 * awayMs;
        return desks.map((desk) => deliverAt(at, desk, event));
      }),
    );
    expect(new Set(answers)).toEqual(new Set([200]));

    await until(
      'no hold to be open any more',
      async () => {
        await atRest(house, sale);
        const [left] = await house.rows<{ count: string }>(
          `select count(*) as count from reservations
            where sale_id = $1 and status in ('held', 'paid_late')`,
          [sale],
        );
        return Number(left?.count) === 0;
      },
      30_000,
    );
    const units = await expectConservation(house, sale);
    const final = await house.ledger.readReservations(sale, ids);
    expect(final).toHaveLength(races);
    for (const row of final) {
      expect(['confirmed', 'refund_due'], row.ticketId).toContain(row.status);
      expect(row.paymentRef, row.ticketId).toMatch(/^pi_/);
      expect(Object.entries(row.outcomes).filter(([id]) => id.startsWith('confirm.'))).toEqual([
        [expect.any(String), 'ok'],
      ]);
    }
    expect(units['tee']?.['confirmed']).toBe(final.filter(({ status }) => status === 'confirmed').length);
    expect(units['tee']?.['refund_due'] ?? 0).toBe(
      final.filter(({ status }) => status === 'refund_due').length,
    );
    // Both sides of the deadline were really tried.
    const journal = await house.ledger.journal(sale, 0, 10_000);
    const late = new Set(journal.flatMap(({ type, ticketId }) => (type === 'paid_late' ? [ticketId] : [])));
    expect(late.size).toBeGreaterThan(0);
    expect(final.filter(({ ticketId }) => !late.has(ticketId)).length).toBeGreaterThan(0);
  }, 60_000);
});

describe('when Redis is emptied', () => {
  it('F12: Redis is emptied: an event is not acknowledged until the gate is rebuilt; then money finds its ticket, and twice is once', async () => {
    const provider = await openProvider();
    const desk = createPayments(provider, house.edge, house.log);
    const sale = await openTees(house, 3);
    const names = ['paid before', 'pays after', 'gave back'];
    const tickets = (await Promise.all(names.map((name) => buy(house.edge, sale, name)))) as Ticket[];
    await atRest(house, sale);
    const events = await Promise.all(
      tickets.map(async ({ id }) => {
        const begun = await provider.begin({
          ticketId: id,
          saleId: sale,
          totalMinor: 4_900,
          currency: 'EUR',
        });
        if (begun.kind === 'refused') throw new Error(`no payment: ${begun.code}`);
        return eventOf(provider, stripe, begun.payment.clientSecret, 'succeeded');
      }),
    );
    const [before, after, given] = events as [SignedEvent, SignedEvent, SignedEvent];
    expect(await deliver(desk, before)).toBe(200);
    await tell(house.edge, tickets[2] as Ticket, 'cancel');
    await atRest(house, sale);

    await emptyRedis(house);
    // Whoever comes first meets a closed gate, or one that is whole again; never one that does not know the ticket.
    expect([200, 503]).toContain(await deliver(desk, after));
    for (const event of [before, after, given, before, after, given])
      await until('the event to be taken', async () => (await deliver(desk, event)) === 200);
    await atRest(house, sale);
    const rows = await house.ledger.readReservations(
      sale,
      tickets.map(({ id }) => id),
    );
    const statuses = new Map(rows.map((row) => [row.ticketId, row.status]));
    expect(tickets.map(({ id }) => statuses.get(id))).toEqual(['confirmed', 'confirmed', 'refund_due']);
    const paid = await house.rows<{ type: string }>(
      `select type from events where sale_id = $1 and type in ('confirmed', 'refund_due', 'refused')`,
      [sale],
    );
    expect(paid.map(({ type }) => type).sort()).toEqual(['confirmed', 'confirmed', 'refund_due']);
    expect(desk.counts.unclaimed).toEqual({ unknown_ticket: 0, mismatch: 0, surplus: 0 });
    await expectConservation(house, sale);
  }, 30_000);
});

describe('when an edge is killed', () => {
  let line: FaultyLine;
  const edges: EdgeProcess[] = [];

  beforeAll(async () => {
    line = await openFaultyLine(house.redis.port);
    const env = (redisUrl: string) => ({
      REDIS_URL: redisUrl,
      PAYMENTS: 'stripe',
      STRIPE_SECRET_KEY: stripe.secretKey,
      STRIPE_WEBHOOK_SECRET: stripe.webhookSecret,
      STRIPE_API_URL: stripe.url,
    });
    const { url } = house.redis;
    const throughLine = new URL(url);
    throughLine.port = String(line.port);
    edges.push(...(await Promise.all([url, throughLine.href, url].map((one) => startEdge(env(one))))));
  });
  afterAll(async () => {
    await Promise.all(edges.map((edge) => edge.kill()));
    await line.close();
  });

  it('F34: an edge killed between Stripe’s answer and its own, another finds the same payment; between the intake and its answer to Stripe, the event is taken once', async () => {
    const [first, second, third] = edges as [EdgeProcess, EdgeProcess, EdgeProcess];
    const sale = await openTees(house, 1);
    const ticket = (await buy(house.edge, sale, 'anna')) as Ticket;

    const died = new Promise<void>((resolve) => {
      stripe.troubles.push({ kind: 'done_in_silence', done: () => resolve(first.kill()) });
    });
    await expect(confirm(first, ticket)).rejects.toThrow('fetch failed');
    await died;
    const { payment } = (await (await confirm(third, ticket)).json()) as {
      payment: { clientSecret: string };
    };
    const intents = stripe.intents.filter(({ metadata }) => metadata['ticketId'] === ticket.id);
    expect(intents.map((intent) => intent.client_secret)).toEqual([payment.clientSecret]);

    const event = eventOf({ name: 'stripe' } as PaymentProvider, stripe, payment.clientSecret, 'succeeded');
    const intake = line.loseReplyTo(intents[0]?.id ?? '').then(() => second.kill());
    await expect(send(second, event)).rejects.toThrow('fetch failed');
    await intake;
    for (let count = 0; count < 3; count += 1) expect((await send(third, event)).status).toBe(200);
    await atRest(house, sale);
    const journal = await house.rows<{ type: string }>(
      'select type from events where sale_id = $1 and ticket_id = $2 order by position',
      [sale, ticket.id],
    );
    expect(journal.map(({ type }) => type)).toEqual(['held', 'confirmed']);
    await expectConservation(house, sale);
    for (const edge of edges) {
      for (const secret of [stripe.secretKey, stripe.webhookSecret, payment.clientSecret, ticket.id])
        expect(edge.log()).not.toContain(secret);
    }
  }, 30_000);
});

async function deliverAt(at: number, desk: Payments, event: SignedEvent): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
  return deliver(desk, event);
}

async function deliver(desk: Payments, { body, signature }: SignedEvent): Promise<number> {
  return (await takeEvent(desk, Buffer.from(body), signature, 'a test')).status;
}

function confirm(edge: EdgeProcess, ticket: Ticket): Promise<Response> {
  return fetch(`${edge.url}/v1/tickets/${ticket.id}/confirm`, { method: 'POST' });
}

function send(edge: EdgeProcess, { body, signature }: SignedEvent): Promise<Response> {
  return fetch(`${edge.url}/v1/payments/stripe`, {
    method: 'POST',
    body,
    headers: { 'Stripe-Signature': signature },
  });
}
