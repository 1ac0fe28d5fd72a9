import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PaymentNotice, PaymentProvider } from '@holdfast/core';
import type { FakeProvider } from '@holdfast/payments';
import Stripe from 'stripe';

/** What the double keeps of a PaymentIntent, in the fields of Stripe's API. */
export interface Intent {
  id: string;
  object: 'payment_intent';
  amount: number;
  amount_received: number;
  currency: string;
  client_secret: string;
  metadata: Record<string, string>;
  status: string;
}

/** What happens to a call instead of an answer. `status`: Stripe's error, remembered for the key as Stripe does. */
export type Trouble =
  | { kind: 'status'; status: number; remembered?: boolean; headers?: Record<string, string> }
  /** Nothing was done, and the connection breaks, or nothing ever comes. */
  | { kind: 'cut' | 'silence' }
  /** It was done, and the answer never leaves; `done` is called. */
  | { kind: 'done_in_silence'; done: () => void };

/**
 * Stripe as far as PaymentIntents go, on a port of this machine: keys, idempotency, errors, and events signed by
 * Stripe's own library. Somebody else's service, so it may be played; everything of ours is real.
 */
export interface StripeDouble {
  url: string;
  secretKey: string;
  webhookSecret: string;
  /** In the order of their creation. */
  intents: Intent[];
  calls: { method: string; path: string; idempotencyKey: string | undefined }[];
  /** What the next calls meet, one each. */
  troubles: Trouble[];
  /** What the buyer or the merchant did with a payment; answers with the event that Stripe would send. */
  event(
    type: 'succeeded' | 'payment_failed' | 'canceled' | 'processing',
    intent: Intent,
    how?: { secret?: string; ageSeconds?: number; change?: Partial<Intent> },
  ): SignedEvent;
  close(): Promise<void>;
}

export interface SignedEvent {
  body: string;
  signature: string;
}

export async function openStripeDouble(): Promise<StripeDouble> {
  const secretKey = `sk_test_${randomBytes(12).toString('hex')}`;
  const webhookSecret = `whsec_${randomBytes(12).toString('hex')}`;
  const remembered = new Map<string, { asked: string; status: number; body: string }>();
  const server = createServer((request, response) => void answer(request, response));
  const double: StripeDouble = {
    url: '',
    secretKey,
    webhookSecret,
    intents: [],
    calls: [],
    troubles: [],
    event(type, intent, { secret = webhookSecret, ageSeconds = 0, change = {} } = {}) {
      const isPaid = type === 'succeeded';
      const status = { succeeded: 'succeeded', canceled: 'canceled', processing: 'processing' }[
        type as string
      ];
      intent.status = status ?? 'requires_payment_method';
      if (isPaid) intent.amount_received = intent.amount;
      const timestamp = Math.floor(Date.now() / 1_000) - ageSeconds;
      const body = JSON.stringify({
        id: `evt_${randomBytes(8).toString('hex')}`,
        object: 'event',
        api_version: '2026-01-01',
        created: timestamp,
        type: `payment_intent.${type}`,
        data: { object: { ...intent, ...change } },
      });
      const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
      return { body, signature };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = Buffer.concat(chunks).toString();
    const path = request.url ?? '';
    const header = request.headers['idempotency-key'];
    const key = Array.isArray(header) ? header[0] : header;
    double.calls.push({ method: request.method ?? '', path, idempotencyKey: key });
    const trouble = double.troubles.shift();
    if (trouble?.kind === 'cut') return void request.socket.destroy();
    if (trouble?.kind === 'silence') return;
    const before = key === undefined ? undefined : remembered.get(key);
    if (before !== undefined) {
      if (before.asked !== asked) return send(response, 400, errorBody('idempotency_error'));
      return send(response, before.status, before.body, { 'idempotent-replayed': 'true' });
    }
    if (trouble?.kind === 'status') {
      const body = errorBody('api_error');
      if (trouble.remembered === true && key !== undefined)
        remembered.set(key, { asked, status: trouble.status, body });
      return send(response, trouble.status, body, trouble.headers);
    }
    const { status, body } = carryOut(request, path, asked);
    if (key !== undefined && status < 400) remembered.set(key, { asked, status, body });
    if (trouble?.kind === 'done_in_silence') return trouble.done();
    send(response, status, body);
  }

  function carryOut(request: IncomingMessage, path: string, asked: string): { status: number; body: string } {
    if (request.headers.authorization !== `Bearer ${secretKey}`)
      return { status: 401, body: errorBody('invalid_request_error') };
    if (request.method === 'POST' && path === '/v1/payment_intents') {
      const intent = intentOf(new URLSearchParams(asked));
      if (intent === null) return { status: 400, body: errorBody('invalid_request_error') };
      double.intents.push(intent);
      return { status: 200, body: JSON.stringify(intent) };
    }
    const found = double.intents.find(({ id }) => path === `/v1/payment_intents/${id}`);
    return found === undefined || request.method !== 'GET'
      ? { status: 404, body: errorBody('invalid_request_error') }
      : { status: 200, body: JSON.stringify(found) };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return double;
}

/** What either provider would send after the buyer did that. */
export function eventOf(
  provider: PaymentProvider,
  stripe: StripeDouble,
  clientSecret: string,
  kind: PaymentNotice['kind'],
): SignedEvent {
  if (provider.name === 'fake') {
    const act = { succeeded: 'pay', failed: 'fail', cancelled: 'cancel' } as const;
    const event = (provider as FakeProvider).act(clientSecret, act[kind]);
    if (event === null) throw new Error('The fake does not know its own secret');
    return { body: event.body.toString(), signature: event.signature };
  }
  const type = { succeeded: 'succeeded', failed: 'payment_failed', cancelled: 'canceled' } as const;
  const intent = stripe.intents.find((one) => one.client_secret === clientSecret);
  if (intent === undefined) throw new Error('Stripe does not know its own secret');
  return stripe.event(type[kind], intent);
}

/** Stripe refuses what it cannot charge. */
function intentOf(params: URLSearchParams): Intent | null {
  const amount = params.get('amount') ?? '';
  const currency = params.get('currency') ?? '';
  if (!/^[1-9]\d{0,7}$/.test(amount) || !/^[a-z]{3}$/.test(currency)) return null;
  if (params.get('automatic_payment_methods[enabled]') !== 'true') return null;
  const metadata: Record<string, string> = {};
  for (const [name, value] of params) {
    const field = /^metadata\[(\w+)\]$/.exec(name)?.[1];
    if (field !== undefined) metadata[field] = value;
  }
  const id = `pi_${randomBytes(12).toString('hex')}`;
  return {
    id,
    object: 'payment_intent',
    amount: Number(amount),
    amount_received: 0,
    currency,
    client_secret: `${id}_secret_${randomBytes(12).toString('hex')}`,
    metadata,
    status: 'requires_payment_method',
  };
}

function errorBody(type: string): string {
  return JSON.stringify({ error: { type, message: 'This is what Stripe would say.' } });
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  const requestId = `req_${randomBytes(6).toString('hex')}`;
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': requestId, ...headers });
  response.end(body);
}
