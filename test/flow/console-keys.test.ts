import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routesOf } from '../../apps/console/src/app.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees } from '../support/sales.ts';

type Scope = 'read' | 'operate' | 'merchant';

/** Every call that takes a key, and the scope it asks for; a call without a row here fails the first test below. */
const calls: [call: string, scope: Scope][] = [
  ['POST /v1/sales', 'merchant'],
  ['GET /v1/sales', 'read'],
  ['GET /v1/sales/:saleId', 'read'],
  ['PATCH /v1/sales/:saleId', 'merchant'],
  ['POST /v1/sales/:saleId/open', 'operate'],
  ['POST /v1/sales/:saleId/lobby', 'operate'],
  ['POST /v1/sales/:saleId/schedule', 'operate'],
  ['POST /v1/sales/:saleId/pause', 'operate'],
  ['POST /v1/sales/:saleId/resume', 'operate'],
  ['POST /v1/sales/:saleId/close', 'operate'],
  ['POST /v1/sales/:saleId/settle', 'merchant'],
  ['POST /v1/sales/:saleId/cancel', 'merchant'],
  ['POST /v1/sales/:saleId/items/:sku/stock', 'merchant'],
  ['POST /v1/sales/:saleId/extend-holds', 'operate'],
  ['GET /v1/sales/:saleId/reservations', 'read'],
  ['GET /v1/tickets/:ticketId', 'read'],
  ['POST /v1/tickets/:ticketId/return', 'merchant'],
  ['POST /v1/tickets/:ticketId/refunded', 'merchant'],
  ['GET /v1/sales/:saleId/journal', 'read'],
  ['GET /v1/sales/:saleId/audit', 'read'],
  ['GET /v1/sales/:saleId/stats', 'read'],
  ['GET /v1/sales/:saleId/live', 'read'],
  ['GET /board', 'read'],
  ['GET /board/*', 'read'],
  ['GET /v1/queues', 'read'],
  ['GET /v1/queues/events', 'read'],
  ['POST /v1/keys', 'merchant'],
  ['GET /v1/keys', 'merchant'],
  ['POST /v1/keys/:keyId/revoke', 'merchant'],
  ['GET /v1/audit-log', 'merchant'],
  ['POST /v1/webhooks', 'merchant'],
  ['GET /v1/webhooks', 'merchant'],
  ['GET /v1/webhooks/:webhookId', 'merchant'],
  ['PATCH /v1/webhooks/:webhookId', 'merchant'],
  ['POST /v1/webhooks/:webhookId/rotate', 'merchant'],
  ['POST /v1/webhooks/:webhookId/revoke', 'merchant'],
  ['POST /v1/webhooks/:webhookId/test', 'merchant'],
  ['GET /v1/webhooks/:webhookId/deliveries', 'merchant'],
  ['POST /v1/webhooks/:webhookId/deliveries/:deliveryId/resend', 'merchant'],
];

describe('the keys of the console', () => {
  let house: House;
  let console: Awaited<ReturnType<typeof openConsoleApp>>;
  const keys: Record<string, string | undefined> = {};

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
    console = await openConsoleApp(house);
    for (const scope of ['read', 'operate', 'merchant']) keys[scope] = (await make(scope, [scope])).key;
    const revoked = await make('revoked', ['read', 'operate', 'merchant']);
    await ask('POST', `/v1/keys/${revoked.id}/revoke`, adminKey);
    Object.assign(keys, {
      revoked: revoked.key,
      admin: adminKey,
      wrong: `hf_${'x'.repeat(43)}`,
      none: undefined,
    });
  });
  afterAll(async () => {
    await console.close();
    await house.close();
  });

  async function ask(method: string, path: string, key: string | undefined, body?: object) {
    const response = await console.app.request(path, {
      method,
      headers: {
        ...(key !== undefined && { Authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const isStream = response.headers.get('content-type')?.includes('event-stream') === true;
    if (isStream) await response.body?.cancel();
    const text = isStream ? '' : await response.text();
    return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : null };
  }

  async function make(name: string, scopes: string[]): Promise<{ id: string; key: string }> {
    const made = await ask('POST', '/v1/keys', adminKey, { name, scopes });
    expect(made.status).toBe(201);
    return made.body;
  }

  it('have a row here for every call there is, and no other', () => {
    const real = routesOf(console.parts).flatMap((route) =>
      'open' in route ? [] : [`${route.method} ${route.path} ${route.scope}`],
    );
    expect(real.sort()).toEqual(calls.map(([call, scope]) => `${call} ${scope}`).sort());
  });

  const holders = ['none', 'wrong', 'revoked', 'read', 'operate', 'merchant', 'admin'];
  const matrix = calls.flatMap(([call, scope]) => holders.map((holder) => [call, scope, holder] as const));

  it.each(matrix)('%s (%s) for %s', async (call, scope, holder) => {
    const [method = '', path = ''] = call.replace(':saleId', 'no-such-sale').split(' ');
    const { status } = await ask(method, path.replace(/:\w+/g, 'nothing'), keys[holder]);
    if (['none', 'wrong', 'revoked'].includes(holder)) expect(status).toBe(401);
    else if (holder === scope || holder === 'admin') expect([401, 403]).not.toContain(status);
    else expect(status).toBe(403);
  });

  it('are shown once, and kept as a digest', async () => {
    const { id, key } = await make('shop', ['read']);
    const listed = await ask('GET', '/v1/keys', adminKey);
    expect(listed.body.keys).toContainEqual(
      expect.objectContaining({
        id,
        name: 'shop',
        prefix: key.slice(0, 8),
        scopes: ['read'],
        revokedAt: null,
      }),
    );
    expect(listed.text).not.toContain(key);
    const tables = await house.rows<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    for (const { name } of tables) {
      const [found] = await house.rows<{ count: string }>(
        `select count(*) as count from "${name}" t where strpos(t::text, $1) > 0`,
        [key],
      );
      expect(found?.count, name).toBe('0');
    }
    expect(house.logged.join('\n')).not.toContain(key);
  });

  it('are refused from the moment they are revoked, and stay revoked', async () => {
    const { id, key } = await make('leaver', ['read']);
    expect((await ask('GET', '/v1/sales', key)).status).toBe(200);
    const revoked = await ask('POST', `/v1/keys/${id}/revoke`, adminKey);
    expect(revoked.body.revokedAt).not.toBeNull();
    expect((await ask('GET', '/v1/sales', key)).status).toBe(401);
    expect((await ask('POST', `/v1/keys/${id}/revoke`, adminKey)).body).toEqual(revoked.body);
    expect((await ask('POST', '/v1/keys/nothing/revoke', adminKey)).status).toBe(404);
  });

  it('take no scope that there is not', async () => {
    for (const body of [
      {},
      { name: 'x', scopes: [] },
      { name: 'x', scopes: ['root'] },
      { name: '', scopes: ['read'] },
    ])
      expect((await ask('POST', '/v1/keys', adminKey, body)).status).toBe(422);
  });

  it('leave a trace of everything that was done or tried with them, and of no reading', async () => {
    const sale = await openTees(house, 1);
    const { id, key } = await make('till', ['read', 'operate']);
    await ask('GET', `/v1/sales/${sale}`, key);
    expect((await ask('POST', `/v1/sales/${sale}/pause`, key)).status).toBe(200);
    expect((await ask('POST', `/v1/sales/${sale}/cancel`, key)).status).toBe(403);
    const first = await ask('GET', '/v1/audit-log?limit=1', adminKey);
    const second = await ask('GET', `/v1/audit-log?limit=1&cursor=${first.body.nextCursor}`, adminKey);
    const traces = [...first.body.entries, ...second.body.entries];
    expect(traces).toEqual([
      expect.objectContaining({ keyId: id, keyName: 'till', path: `/v1/sales/${sale}/cancel`, status: 403 }),
      expect.objectContaining({
        keyId: id,
        method: 'POST',
        route: '/v1/sales/:saleId/pause',
        path: `/v1/sales/${sale}/pause`,
        status: 200,
      }),
    ]);
  });
});
