import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '@holdfast/runtime/local-stores';
import { type Stack, startStack } from '../../apps/cli/src/stack.ts';
import { until } from '../support/sales.ts';
import { openWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

describe('webhooks, when processes and stores are lost', () => {
  let stack: Stack;
  let receiver: WebhookReceiver;
  let webhookId: string;

  beforeAll(async () => {
    const env = { WEBHOOK_PRIVATE_RANGES: '127.0.0.0/8' };
    stack = await startStack({ dir: temporaryFolder('webhooks'), workers: 2, edges: 1, env });
  }, 90_000);
  beforeEach(async () => {
    receiver = await openWebhookReceiver();
    webhookId = (await ask('/v1/webhooks', { url: receiver.url() })).id;
  });
  afterEach(async () => {
    await ask(`/v1/webhooks/${webhookId}/revoke`, {});
    await receiver.close();
  });
  afterAll(() => stack.stop());

  it('F55: both workers killed with -9 while a webhook is on its way: it comes again with the same id, and none is lost or out of order', async () => {
    let killed: string | null = null;
    receiver.answer = ({ id, message }) => {
      if (killed !== null || message.type !== 'reservation.held') return 200;
      killed = id;
      for (const name of ['worker 1', 'worker 2']) process.kill(stack.pids()[name] as number, 'SIGKILL');
      return () => undefined;
    };
    const sale = await openSale();
    await Promise.all(Array.from({ length: 10 }, (_, buyer) => reserve(sale, `b${buyer}`)));
    await expectAllTold(sale);
    const ids = receiver.arrivals.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([killed]);
    const [first, second] = receiver.arrivals.filter(({ id }) => id === killed);
    expect(second?.body).toBe(first?.body);
  }, 90_000);

  it('F55: a receiver that was away, while Redis forgot everything, gets all of it in order when it is back', async () => {
    const sale = await openSale();
    await until('the first webhook', async () => receiver.arrivals.length > 0);
    await receiver.leave();
    await Promise.all(Array.from({ length: 10 }, (_, buyer) => reserve(sale, `b${buyer}`)));
    await until(
      'an attempt to fail',
      async () => (await ask(`/v1/webhooks/${webhookId}`)).failingSince !== null,
    );
    const redis = new Redis(stack.redisUrl);
    await redis.flushall();
    redis.disconnect();
    await receiver.comeBack();
    await expectAllTold(sale);
  }, 90_000);

  /** Everything that the journal tells has arrived, each in its place, and no law was broken. */
  async function expectAllTold(sale: string): Promise<void> {
    const untold = ['gate_rebuilt', 'refused', 'handed_back'];
    const wanted = await until(
      'all ten to be held',
      async () => {
        const text = await (await call(`/v1/sales/${sale}/journal`)).text();
        const lines = text
          .trim()
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line));
        const isWhole = lines.filter(({ type }) => type === 'held').length === 10;
        return (
          isWhole &&
          lines.filter(({ type }) => !untold.includes(type)).map(({ position }) => `${sale}-${position}`)
        );
      },
      30_000,
    );
    await until(
      'everything to arrive',
      async () => wanted.every((id) => receiver.arrivals.some((arrival) => arrival.id === id)),
      45_000,
    );
    expect([...new Set(receiver.arrivals.map(({ id }) => id))]).toEqual(wanted);
    const audit = await until('the audit to hold', async () => {
      const verdict = await ask(`/v1/sales/${sale}/audit`).catch(() => null);
      return verdict?.ok === true && verdict;
    });
    expect(audit.checks.filter((check: { ok: boolean }) => !check.ok)).toEqual([]);
  }

  async function openSale(): Promise<string> {
    const items = [{ sku: 'tee', stock: 100 }];
    return (await ask('/v1/sales', { name: 'Tees', status: 'open', items })).id;
  }

  async function reserve(sale: string, buyerId: string): Promise<void> {
    await until(`${buyerId} to get in`, async () => {
      const answer = await fetch(new URL(`/v1/sales/${sale}/reservations`, stack.edges[0]), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': buyerId },
        body: JSON.stringify({ buyerId }),
        signal: AbortSignal.timeout(5_000),
      }).catch(() => null);
      await answer?.body?.cancel();
      return answer?.ok === true;
    });
  }

  async function ask(path: string, body?: object): Promise<any> {
    const response = await call(path, body);
    if (!response.ok) throw new Error(`${path} was answered ${response.status}`);
    return response.json();
  }

  function call(path: string, body?: object): Promise<Response> {
    return fetch(new URL(path, stack.console.url), {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${stack.console.key}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
  }
});
