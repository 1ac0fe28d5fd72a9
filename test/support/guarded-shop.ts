/** The whole product as processes, on stores that let each of them do no more than it must, and everything it can do once. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createClient } from '@holdfast/client';
import { temporaryFolder } from '@holdfast/runtime/local-stores';
import pg from 'pg';
import { expect } from 'vitest';
import { type ConsoleProcess, startConsole } from './console-process.ts';
import { type EdgeProcess, startEdge } from './edge-process.ts';
import { until } from './sales.ts';
import { freshDatabase, freshRedis, type PrivateStore } from './stores.ts';
import { openWebhookReceiver, type WebhookReceiver } from './webhook-receiver.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

const infra = join(import.meta.dirname, '../../infra');

export interface GuardedShop {
  edge: EdgeProcess;
  console: ConsoleProcess;
  worker: WorkerProcess;
  redis: PrivateStore;
  /** Addresses of the stores for one of their users. */
  redisUrl(user: 'edge' | 'worker' | 'console' | 'root'): string;
  databaseUrl(user: 'holdfast_worker' | 'holdfast_console'): string;
  /** As the one that migrates. */
  ownerUrl: string;
  receiver: WebhookReceiver;
  adminKey: string;
  close(): Promise<void>;
}

/** Every secret of the settings, so that a test can look for them. */
export const secrets = {
  adminKey: 'mark1-admin-key-0123456789',
  challenge: 'mark2-challenge-secret-0123456789abcdef',
  redisPassword: 'mark3redispassword',
  databasePassword: 'mark4databasepassword',
};

export async function openGuardedShop(env: Record<string, string> = {}): Promise<GuardedShop> {
  const users = readFileSync(join(infra, 'redis-users.acl'), 'utf8').replaceAll(
    /\b(EDGE|WORKER|CONSOLE)_PASSWORD\b/g,
    secrets.redisPassword,
  );
  const aclfile = join(temporaryFolder('redis-users'), 'users.acl');
  mkdirSync(dirname(aclfile), { recursive: true });
  writeFileSync(aclfile, `${users}user root on >${secrets.redisPassword} ~* &* +@all\n`);
  const redis = await freshRedis({ aclfile });
  const ownerUrl = await freshDatabase();
  await asOwner(ownerUrl, readFileSync(join(infra, 'postgres-roles.sql'), 'utf8'));

  const redisUrl: GuardedShop['redisUrl'] = (user) =>
    `redis://${user}:${secrets.redisPassword}@127.0.0.1:${redis.port}`;
  const databaseUrl: GuardedShop['databaseUrl'] = (user) => {
    const url = new URL(ownerUrl);
    url.username = user;
    url.password = secrets.databasePassword;
    return url.href;
  };
  const receiver = await openWebhookReceiver();
  const worker = await startWorker({
    REDIS_URL: redisUrl('worker'),
    DATABASE_URL: databaseUrl('holdfast_worker'),
    WEBHOOK_PRIVATE_RANGES: '127.0.0.0/8',
    ...env,
  });
  const edge = await startEdge({
    REDIS_URL: redisUrl('edge'),
    CHALLENGE_SECRET: secrets.challenge,
    RATE_LIMIT_PER_ADDRESS: '100000/60s',
    RATE_LIMIT_PER_BUYER: '100000/60s',
    READ_LIMIT_PER_ADDRESS: '100000/60s',
    ...env,
  });
  const consoleProcess = await startConsole({
    REDIS_URL: redisUrl('console'),
    DATABASE_URL: databaseUrl('holdfast_console'),
    ADMIN_KEY: secrets.adminKey,
    ...env,
  });
  return {
    edge,
    console: consoleProcess,
    worker,
    redis,
    redisUrl,
    databaseUrl,
    ownerUrl,
    receiver,
    adminKey: secrets.adminKey,
    async close() {
      await Promise.all([edge.kill(), consoleProcess.kill(), worker.kill()]);
      await receiver.close();
    },
  };
}

export async function asOwner(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

let calls = 0;

/** A call of the console; throws when it is answered with anything but success. */
export async function merchant(shop: GuardedShop, method: string, path: string, body?: object): Promise<any> {
  const answer = await fetch(shop.console.url + path, {
    method,
    headers: {
      Authorization: `Bearer ${shop.adminKey}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(method !== 'GET' && { 'Idempotency-Key': `mark5-key-${++calls}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status} ${text}`);
  return answer.headers.get('content-type')?.startsWith('application/json') === true
    ? JSON.parse(text)
    : text;
}

export async function untilAudited(shop: GuardedShop, saleId: string): Promise<void> {
  await until(
    `every law of ${saleId} to hold`,
    async () => (await merchant(shop, 'GET', `/v1/sales/${saleId}/audit`)).ok,
    30_000,
  );
}

/** Buys, pays, gives back and waits; draws, restocks, withdraws, exports; hears of it all; and loses its Redis in between. */
export async function playEverything(shop: GuardedShop, emptyRedis: () => Promise<void>): Promise<void> {
  const client = createClient({ baseUrl: shop.edge.url });
  const hook = await merchant(shop, 'POST', '/v1/webhooks', { url: shop.receiver.url() });
  await merchant(shop, 'POST', '/v1/sales', {
    id: 'shop',
    name: 'Shop',
    status: 'open',
    waitlist: true,
    perBuyerLimit: 5,
    challenge: { kind: 'proof_of_work', difficulty: 10 },
    items: [{ sku: 'tee', stock: 3, priceMinor: 100 }],
  });
  const buy = async (buyerId: string, sale = 'shop') => {
    const answer = await client.reserve(
      sale,
      { buyerId },
      { waitSeconds: 20, idempotencyKey: `mark6-${buyerId}` },
    );
    if (answer.kind === 'refused') throw new Error(`${buyerId} was refused: ${answer.code}`);
    return answer.ticket;
  };
  const becomes = (id: string, status: string) =>
    until(
      `${id} to be ${status}`,
      async () => {
        const read = await client.ticket(id);
        return read.kind === 'ticket' && read.ticket.status === status;
      },
      30_000,
    );
  const ann = await buy('ann');
  const bob = await buy('bob');
  const cem = await buy('cem');
  const dee = await buy('dee');
  expect([ann.status, bob.status, cem.status]).toEqual(['held', 'held', 'held']);
  expect(['queued', 'waitlisted']).toContain(dee.status);
  await client.extend(ann.id, { seconds: 10 });
  await client.confirm(ann.id, { paymentRef: 'mark7-payment' });
  await becomes(ann.id, 'confirmed');
  await client.cancel(bob.id);
  await becomes(dee.id, 'held');
  for await (const seen of client.watchTicket(dee.id)) if (seen.status === 'held') break;
  for await (const seen of client.watchSale('shop')) if ('id' in seen) break;
  await merchant(shop, 'POST', `/v1/tickets/${ann.id}/return`, {});
  await merchant(shop, 'POST', '/v1/sales/shop/extend-holds', { seconds: 60 });

  await merchant(shop, 'POST', '/v1/sales', {
    id: 'drawn',
    name: 'Drawn',
    items: [{ sku: 'ring', stock: 2 }],
  });
  await merchant(shop, 'POST', '/v1/sales/drawn/lobby', {});
  for (const buyerId of ['eve', 'fay', 'gus']) await client.joinLobby('drawn', { buyerId });
  await merchant(shop, 'POST', '/v1/sales/drawn/open', { beacon: '42' });
  await until(
    'two of the lobby to be held',
    async () => {
      const { reservations } = await merchant(shop, 'GET', '/v1/sales/drawn/reservations?status=held');
      return reservations.length === 2;
    },
    30_000,
  );

  await emptyRedis();
  const hal = await until(
    'the gate to be rebuilt',
    async () => {
      const answer = await client.reserve(
        'shop',
        { buyerId: 'hal' },
        { waitSeconds: 20, idempotencyKey: 'mark6-hal' },
      );
      return answer.kind === 'ticket' ? answer.ticket : null;
    },
    30_000,
  );
  await becomes(hal.id, 'held');
  await becomes(dee.id, 'held');

  await merchant(shop, 'POST', '/v1/sales/shop/items/tee/stock', { delta: 5 });
  await merchant(shop, 'POST', '/v1/sales/shop/items/tee/stock', { delta: -2 });
  await merchant(shop, 'PATCH', '/v1/sales/shop', { name: 'Shop of today', challenge: null });
  await merchant(shop, 'POST', '/v1/sales/shop/pause', {});
  await merchant(shop, 'POST', '/v1/sales/shop/resume', {});
  await buy('ida');
  const key = await merchant(shop, 'POST', '/v1/keys', { name: 'till', scopes: ['read'] });
  await merchant(shop, 'POST', `/v1/keys/${key.id}/revoke`, {});
  await merchant(shop, 'POST', `/v1/webhooks/${hook.id}/test`, {});
  await merchant(shop, 'PATCH', `/v1/webhooks/${hook.id}`, { name: 'Till' });
  await merchant(shop, 'POST', `/v1/webhooks/${hook.id}/rotate`, {});
  await until(
    'the webhooks to have heard',
    async () =>
      ['reservation.confirmed', 'reservation.cancelled', 'webhook.test'].every((type) =>
        shop.receiver.arrivals.some(({ message }) => message.type === type),
      ),
    30_000,
  );
  const { deliveries } = await merchant(shop, 'GET', `/v1/webhooks/${hook.id}/deliveries`);
  await merchant(shop, 'POST', `/v1/webhooks/${hook.id}/deliveries/${deliveries[0].id}/resend`, {});
  for (const path of [
    ...['/v1/sales', '/v1/sales/shop', '/v1/sales/shop/stats', '/v1/sales/shop/reservations'],
    ...['/v1/sales/shop/journal', '/v1/queues', '/board', '/v1/keys', '/v1/audit-log', '/v1/webhooks'],
    ...[`/v1/tickets/${ann.id}`, `/v1/webhooks/${hook.id}`, '/readyz', '/metrics'],
  ])
    await merchant(shop, 'GET', path);
  await untilAudited(shop, 'shop');
  await untilAudited(shop, 'drawn');
  await merchant(shop, 'POST', '/v1/sales/shop/close', {});
  await merchant(shop, 'POST', '/v1/sales/drawn/cancel', {});
  await merchant(shop, 'POST', `/v1/webhooks/${hook.id}/revoke`, {});
  for (const path of ['/v1/sales', '/v1/sales/shop', '/readyz', '/metrics', '/v1/inside'])
    expect((await fetch(shop.edge.url + path)).status, path).toBe(200);
  await untilAudited(shop, 'shop');
}
