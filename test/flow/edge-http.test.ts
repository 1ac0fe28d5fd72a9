import { connect } from 'node:net';
import { problemCodes, problemKinds, saleSchema, ticketSchema } from '@holdfast/contracts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { lobbyOf } from '../support/lobby.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

let house: EdgeHouse;

vi.setConfig({ testTimeout: 20_000 });

beforeAll(async () => {
  house = await openEdgeHouse({ corsOrigins: ['https://shop.example'] });
}, 60_000);

afterAll(() => house.close(), 30_000);

interface Seen {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any answer
  body: any;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Seen> {
  const init: RequestInit = {
    method,
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
  };
  if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${house.url}${path}`, init);
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
}

const get = (path: string, headers?: Record<string, string>) => call('GET', path, undefined, headers);
const post = (path: string, body?: unknown, headers?: Record<string, string>) =>
  call('POST', path, body, headers);
const reserve = (saleId: string, buyerId: string, quantity = 1, headers: Record<string, string> = {}) =>
  post(`/v1/sales/${saleId}/reservations`, { buyerId, lines: [{ sku: 'tee', quantity }] }, headers);

async function hold(saleId: string, buyerId: string, quantity = 1): Promise<string> {
  const answer = await reserve(saleId, buyerId, quantity, { Prefer: 'wait=10' });
  expect([answer.status, answer.body.status]).toEqual([201, 'held']);
  return `/v1/tickets/${answer.body.id}`;
}

function expectProblem(seen: Seen, status: number, code: string): void {
  expect([seen.status, seen.body?.code]).toEqual([status, code]);
  expect(seen.headers.get('content-type')).toBe('application/problem+json');
  expect(seen.body).toMatchObject({
    type: `/problems/${code}`,
    status,
    title: expect.any(String),
    detail: expect.any(String),
  });
  expect(seen.body.instance).toContain(seen.headers.get('x-request-id'));
}

async function available(saleId: string): Promise<number> {
  return (await get(`/v1/sales/${saleId}`)).body.items[0].available;
}

describe('a reservation', () => {
  test('is acknowledged at once with a ticket and where to find it', async () => {
    const saleId = await house.open();
    const answer = await reserve(saleId, 'anna', 2);
    expect(answer.status).toBe(202);
    const ticket = ticketSchema.parse(answer.body);
    expect(answer.headers.get('location')).toBe(`/v1/tickets/${ticket.id}`);
    expect(ticket).toMatchObject({
      saleId,
      status: 'queued',
      version: 1,
      buyerId: 'anna',
      lines: [{ sku: 'tee', quantity: 2, unitPriceMinor: 4900 }],
      totalMinor: 9800,
      currency: 'EUR',
      expiresAt: null,
      reason: null,
    });
    expect(answer.headers.get('x-request-id')).toBeTruthy();
    expect(answer.headers.get('server-timing')).toMatch(/^edge;dur=[\d.]+$/);
  });

  test('may leave out the lines in a sale of one item, and not in one of several', async () => {
    const one = await house.open();
    expect((await post(`/v1/sales/${one}/reservations`, { buyerId: 'anna' })).body.lines).toMatchObject([
      { sku: 'tee', quantity: 1 },
    ]);
    const item = { name: 'x', description: null, imageUrl: null, priceMinor: 1, stock: 5 };
    const two = await house.open({
      items: [
        { ...item, sku: 'a' },
        { ...item, sku: 'b' },
      ],
    });
    expect((await post(`/v1/sales/${two}/reservations`, { buyerId: 'anna' })).status).toBe(422);
  });

  test('with Prefer: wait is answered with the hold', async () => {
    const saleId = await house.open();
    const answer = await reserve(saleId, 'anna', 1, { Prefer: 'wait=10' });
    expect([answer.status, answer.body.status]).toEqual([201, 'held']);
    expect(answer.headers.get('location')).toBe(`/v1/tickets/${answer.body.id}`);
    expect(Date.parse(answer.body.expiresAt)).toBeGreaterThan(Date.parse(answer.body.reservedAt));
  });

  test('with Prefer: wait is answered with the reason when the ledger rejects it', async () => {
    const saleId = await house.open();
    house.freeze(saleId);
    const waiting = reserve(saleId, 'anna', 2, { Prefer: 'wait=10' });
    await untilAvailable(saleId, 8);
    await house.desk.change(saleId, { perBuyerLimit: 1 }, null);
    house.thaw(saleId);
    expectProblem(await waiting, 409, 'limit_reached');
    expect(await available(saleId)).toBe(10);
  });

  test('with Prefer: wait is 202 while it is still queued when the time is over', async () => {
    const saleId = await house.open();
    house.freeze(saleId);
    const answer = await reserve(saleId, 'anna', 1, { Prefer: 'wait=1' });
    expect([answer.status, answer.body.status]).toEqual([202, 'queued']);
    house.thaw(saleId);
  });

  test('with Prefer: wait is 202 when it joins the waitlist', async () => {
    const saleId = await house.open({ waitlist: true });
    await hold(saleId, 'anna', 10);
    const answer = await reserve(saleId, 'bob', 1, { Prefer: 'wait=10' });
    expect([answer.status, answer.body.status]).toEqual([202, 'waitlisted']);
  });

  test('sent again with its Idempotency-Key, quoted or not, is the same ticket', async () => {
    const saleId = await house.open();
    const first = await reserve(saleId, 'anna', 1, { 'Idempotency-Key': 'key-1' });
    expect(first.status).toBe(202);
    for (const key of ['key-1', '"key-1"']) {
      const again = await reserve(saleId, 'anna', 1, { 'Idempotency-Key': key });
      expect([again.status, again.headers.get('idempotent-replayed'), again.body.id]).toEqual([
        200,
        'true',
        first.body.id,
      ]);
    }
    const other = await reserve(saleId, 'bob', 1, { 'Idempotency-Key': 'key-1' });
    expect(other.status).toBe(202);
    expectProblem(
      await reserve(saleId, 'anna', 2, { 'Idempotency-Key': 'key-1' }),
      422,
      'idempotency_mismatch',
    );
    expect(await available(saleId)).toBe(8);
  });

  test('that was refused is not remembered under its Idempotency-Key', async () => {
    const saleId = await house.open();
    await hold(saleId, 'anna', 10);
    expectProblem(await reserve(saleId, 'bob', 1, { 'Idempotency-Key': 'k' }), 409, 'sold_out');
    await house.desk.restock(saleId, 'tee', 1, null);
    expect((await reserve(saleId, 'bob', 1, { 'Idempotency-Key': 'k' })).status).toBe(202);
  });

  test('for more than there is, is sold out, and one for what is left is not', async () => {
    const saleId = await house.open();
    expectProblem(await reserve(saleId, 'anna', 11), 409, 'sold_out');
    expectProblem(await reserve(saleId, 'anna', 1_000_000_000), 409, 'sold_out');
    expect((await reserve(saleId, 'anna', 10)).status).toBe(202);
  });

  test('is refused with the state of the sale', async () => {
    const opensAt = Date.now() + 3_600_000;
    const draft = await house.open({ status: 'draft', opensAt });
    const notOpen = await reserve(draft, 'anna');
    expectProblem(notOpen, 409, 'not_open');
    const saleId = await house.open();
    await house.desk.move(saleId, 'pause', null);
    expectProblem(await reserve(saleId, 'anna'), 409, 'paused');
    await house.desk.move(saleId, 'close', null);
    expectProblem(await reserve(saleId, 'anna'), 409, 'closed');
  });

  test('before the opening time is told when that is', async () => {
    const opensAt = Date.now() + 3_600_000;
    const saleId = await house.open({ opensAt });
    const answer = await reserve(saleId, 'anna');
    expectProblem(answer, 409, 'not_open');
    expect(Date.parse(answer.body.opensAt)).toBe(opensAt);
  });

  test('beyond the limit of a buyer is refused as that', async () => {
    const saleId = await house.open({ perBuyerLimit: 2 });
    await hold(saleId, 'anna', 2);
    expectProblem(await reserve(saleId, 'anna'), 409, 'limit_reached');
    expect((await reserve(saleId, 'bob')).status).toBe(202);
  });
});

describe('a wrong reservation', () => {
  const long = 'x'.repeat(17_000);
  const text = { 'Content-Type': 'text/plain' };

  test.each<[string, number, string, string | object, Record<string, string>]>([
    ['too long before its type is looked at', 413, 'body_too_large', long, text],
    ['of another type before it is parsed', 415, 'unsupported_media_type', '{', text],
    ['compressed', 415, 'unsupported_media_type', '{}', { 'Content-Encoding': 'gzip' }],
    ['that is no JSON', 400, 'invalid_body', '{"buyerId":', {}],
    ['without a body', 400, 'invalid_body', '', { 'Content-Type': 'application/json' }],
    ['with wrong fields before the sale is looked up', 422, 'invalid_body', { buyerId: 1 }, {}],
    ['with an unknown field', 422, 'invalid_body', { buyerId: 'a', vip: true }, {}],
    ['of a name that is too long', 422, 'invalid_body', { buyerId: 'x'.repeat(129) }, {}],
    [
      'with the same sku twice',
      422,
      'invalid_body',
      {
        buyerId: 'a',
        lines: [
          { sku: 'tee', quantity: 1 },
          { sku: 'tee', quantity: 1 },
        ],
      },
      {},
    ],
    ['of no unit', 422, 'invalid_quantity', { buyerId: 'a', lines: [{ sku: 'tee', quantity: 0 }] }, {}],
    ['of half a unit', 422, 'invalid_quantity', { buyerId: 'a', lines: [{ sku: 'tee', quantity: 0.5 }] }, {}],
    [
      'with a key that is too long',
      422,
      'invalid_body',
      { buyerId: 'a' },
      { 'Idempotency-Key': 'k'.repeat(256) },
    ],
    ['of an unknown sale', 404, 'unknown_sale', { buyerId: 'a' }, {}],
  ])('%s: %d %s', async (_what, status, code, body, headers) => {
    expectProblem(await post('/v1/sales/nowhere/reservations', body, headers), status, code);
  });

  test('of an unknown item is 422 unknown_item', async () => {
    const saleId = await house.open();
    const answer = await post(`/v1/sales/${saleId}/reservations`, {
      buyerId: 'a',
      lines: [{ sku: 'hat', quantity: 1 }],
    });
    expectProblem(answer, 422, 'unknown_item');
  });

  test('is told everything that is wrong at once', async () => {
    const answer = await post('/v1/sales/x/reservations', {
      buyerId: '',
      lines: [{ sku: '', quantity: 'two' }],
      more: 1,
    });
    expect(answer.body.issues).toHaveLength(4);
  });

  test('is a replay before it is anything about the sale, and a limit before it is sold out', async () => {
    const saleId = await house.open({ perBuyerLimit: 10 });
    const first = await reserve(saleId, 'anna', 10, { 'Idempotency-Key': 'k' });
    expectProblem(await reserve(saleId, 'anna', 1), 409, 'limit_reached');
    expectProblem(await reserve(saleId, 'bob', 1), 409, 'sold_out');
    await house.desk.move(saleId, 'pause', null);
    const again = await reserve(saleId, 'anna', 10, { 'Idempotency-Key': 'k' });
    expect([again.status, again.body.id]).toEqual([200, first.body.id]);
    expectProblem(await reserve(saleId, 'anna', 1), 409, 'paused');
  });

  test('that never ends is cut off with 413', async () => {
    const answer = await raw(
      'POST /v1/sales/s/reservations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
      {
        chunk: `${(64 * 1024).toString(16)}\r\n${'y'.repeat(64 * 1024)}\r\n`,
        times: 40,
      },
    );
    expect(answer).toContain('413');
    expect(answer).toContain('body_too_large');
  });
});

describe('a ticket', () => {
  test('is polled cheaply, and says while coming back makes sense', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna');
    const read = await get(ticket);
    expect([read.status, read.body.status, read.headers.get('retry-after')]).toEqual([200, 'held', '5']);
    const etag = read.headers.get('etag') ?? '';
    const same = await get(ticket, { 'If-None-Match': etag });
    expect([same.status, same.text, same.headers.get('etag')]).toEqual([304, '', etag]);
    await post(`${ticket}/confirm`);
    const changed = await get(ticket, { 'If-None-Match': etag });
    expect([changed.status, changed.body.status, changed.headers.get('retry-after')]).toEqual([
      200,
      'confirmed',
      null,
    ]);
    expect(ticketSchema.parse(changed.body).version).toBe(3);
  });

  test('that does not exist is the same 404 in every form', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna');
    const forged = `${ticket.slice(0, -1)}${ticket.endsWith('a') ? 'b' : 'a'}`;
    for (const path of [
      forged,
      '/v1/tickets/x',
      '/v1/tickets/0-nowhere-aaaaaaaaaaaaaaaaaaaaaa',
      `/v1/tickets/${'x'.repeat(500)}`,
    ]) {
      expectProblem(await get(path), 404, 'unknown_ticket');
      expectProblem(await get(`${path}/events`), 404, 'unknown_ticket');
      for (const verb of ['confirm', 'cancel', 'extend'])
        expectProblem(await post(`${path}/${verb}`), 404, 'unknown_ticket');
    }
  });

  test('is followed from its present state to its end, and then the stream closes', async () => {
    const saleId = await house.open();
    house.freeze(saleId);
    const { body } = await reserve(saleId, 'anna');
    const stream = await follow(`/v1/tickets/${body.id}/events`);
    expect(await stream.next()).toMatchObject({
      event: 'ticket',
      id: '1',
      data: { id: body.id, status: 'queued' },
    });
    house.thaw(saleId);
    expect(await stream.next()).toMatchObject({ event: 'ticket', id: '2', data: { status: 'held' } });
    await post(`/v1/tickets/${body.id}/confirm`);
    expect(await stream.next()).toMatchObject({ event: 'ticket', id: '3', data: { status: 'confirmed' } });
    expect(await stream.next()).toBeNull();
  });

  test('is not sent again to who has it, and what was missed comes first', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna');
    const missed = await follow(`${ticket}/events`, { 'Last-Event-ID': '1' });
    expect(await missed.next()).toMatchObject({ id: '2', data: { status: 'held' } });
    missed.close();
    const current = await follow(`${ticket}/events`, { 'Last-Event-ID': '2' });
    await post(`${ticket}/cancel`);
    expect(await current.next()).toMatchObject({ id: '3', data: { status: 'cancelled' } });
    expect(await current.next()).toBeNull();
    expect((await get(`${ticket}/events`, { 'Last-Event-ID': '3' })).status).toBe(204);
  });
});

describe('a hold', () => {
  test('is confirmed, with and without a body, and the same call again gives the same answer', async () => {
    const saleId = await house.open();
    for (const body of [undefined, {}, { paymentRef: 'pay-1' }]) {
      const ticket = await hold(saleId, 'anna');
      const first = await post(`${ticket}/confirm`, body);
      expect([first.status, first.body.status]).toEqual([200, 'confirmed']);
      const again = await post(`${ticket}/confirm`, body);
      expect([again.status, again.body]).toEqual([200, first.body]);
      expectProblem(await post(`${ticket}/cancel`), 409, 'already_confirmed');
      expectProblem(await post(`${ticket}/extend`), 409, 'already_confirmed');
    }
  });

  test('is given back, and its unit is on sale again', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna', 10);
    const cancelled = await post(`${ticket}/cancel`);
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
    expect((await post(`${ticket}/cancel`)).status).toBe(200);
    expectProblem(await post(`${ticket}/confirm`), 409, 'already_cancelled');
    expect(await available(saleId)).toBe(10);
  });

  test('is extended as often as the sale allows, and says how much of that is left', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna');
    const before = (await get(ticket)).body;
    const extended = await post(`${ticket}/extend`, { seconds: 60 });
    expect(extended.status).toBe(200);
    expect(before.extensions).toEqual({ left: 1, seconds: 600 });
    expect(extended.body.extensions).toEqual({ left: 0, seconds: 0 });
    expect(Date.parse(extended.body.expiresAt) - Date.parse(before.expiresAt)).toBe(60_000);
    expect((await post(`${ticket}/extend`, { seconds: 60 })).body).toEqual(extended.body);
    expectProblem(await post(`${ticket}/extend`, { seconds: 61 }), 409, 'extension_limit');
    const etag = (await get(ticket)).headers.get('etag') ?? '';
    await house.desk.change(saleId, { extension: { times: 3, totalSeconds: 100 } }, null);
    const allowed = await get(ticket, { 'If-None-Match': etag });
    expect([allowed.status, allowed.body.extensions]).toEqual([200, { left: 2, seconds: 40 }]);
    expect((await post(`${ticket}/extend`, { seconds: 90 })).body.extensions).toEqual({
      left: 0,
      seconds: 0,
    });
    expect((await post(`${ticket}/confirm`)).body.extensions).toBeNull();
  });

  test('takes an Idempotency-Key for its commands', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna');
    const headers = { 'Idempotency-Key': '"pay"' };
    expect((await post(`${ticket}/confirm`, undefined, headers)).status).toBe(200);
    expect((await post(`${ticket}/confirm`, undefined, headers)).status).toBe(200);
    expectProblem(
      await post(`${ticket}/confirm`, undefined, { 'Idempotency-Key': 'another' }),
      409,
      'already_confirmed',
    );
  });

  test('that ran out cannot be confirmed without a payment; with one it is confirmed again while a unit is left', async () => {
    const saleId = await house.open({ holdSeconds: 1 });
    const ticket = await hold(saleId, 'anna');
    await ended(ticket);
    expectProblem(await post(`${ticket}/confirm`), 409, 'hold_expired');
    expectProblem(await post(`${ticket}/confirm`), 409, 'hold_expired');
    const paid = await post(`${ticket}/confirm`, { paymentRef: 'pay-late' });
    expect([paid.status, paid.body.status]).toEqual([200, 'confirmed']);
    expect(await available(saleId)).toBe(9);
  });

  test('that ran out and was paid when nothing is left is due for a refund', async () => {
    const saleId = await house.open({ holdSeconds: 1 });
    const ticket = await hold(saleId, 'anna', 10);
    await ended(ticket);
    const next = await hold(saleId, 'bob', 10);
    await post(`${next}/confirm`);
    const paid = await post(`${ticket}/confirm`, { paymentRef: 'pay-late' });
    expect([paid.status, paid.body.status]).toEqual([200, 'refund_due']);
  });

  test('is answered with 202 when the ledger takes longer than five seconds, and the same call later with its outcome', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna');
    house.freeze(saleId);
    const slow = await post(`${ticket}/confirm`);
    expect([slow.status, slow.body.status]).toEqual([202, 'held']);
    house.thaw(saleId);
    const again = await post(`${ticket}/confirm`);
    expect([again.status, again.body.status]).toEqual([200, 'confirmed']);
  }, 15_000);

  test.each([
    ['confirm', { paymentRef: '' }],
    ['confirm', { paymentRef: 1 }],
    ['confirm', { seconds: 1 }],
    ['cancel', { why: 'x' }],
    ['extend', { seconds: 0 }],
    ['extend', { seconds: 1.5 }],
    ['extend', []],
  ])('refuses wrong fields of %s: %j', async (verb, body) => {
    expectProblem(await post(`/v1/tickets/0-s-aaaaaaaaaaaaaaaaaaaaaa/${verb}`, body), 422, 'invalid_body');
  });

  test.each(['confirm', 'cancel', 'extend'])(
    'refuses a body of %s that is too long, of another type or no JSON',
    async (verb) => {
      const path = `/v1/tickets/0-s-aaaaaaaaaaaaaaaaaaaaaa/${verb}`;
      expectProblem(await post(path, 'x'.repeat(17_000)), 413, 'body_too_large');
      expectProblem(await post(path, '{}', { 'Content-Type': 'text/plain' }), 415, 'unsupported_media_type');
      expectProblem(await post(path, '{'), 400, 'invalid_body');
    },
  );
});

describe('a sale', () => {
  test('is shown with what can be had, alone and in the list, and drafts are not listed', async () => {
    const saleId = await house.open({ perBuyerLimit: 3 });
    const draft = await house.open({ status: 'draft' });
    await reserve(saleId, 'anna', 3);
    const read = await get(`/v1/sales/${saleId}`);
    expect(read.headers.get('cache-control')).toBe('public, max-age=1');
    expect(saleSchema.parse(read.body)).toMatchObject({
      id: saleId,
      status: 'open',
      perBuyerLimit: 3,
      soldOut: false,
      items: [{ sku: 'tee', available: 7, stock: 10, priceMinor: 4900 }],
    });
    const list = await get('/v1/sales');
    const ids = list.body.sales.map((sale: { id: string }) => sale.id);
    expect(ids).toContain(saleId);
    expect(ids).not.toContain(draft);
    expectProblem(await get('/v1/sales/nowhere'), 404, 'unknown_sale');
    expectProblem(await get('/v1/sales/nowhere/events'), 404, 'unknown_sale');
  });

  test('is followed: the whole sale first, then what changes, at most four times a second', async () => {
    const saleId = await house.open();
    const stream = await follow(`/v1/sales/${saleId}/events`);
    expect(await stream.next()).toMatchObject({
      event: 'sale',
      data: { id: saleId, items: [{ available: 10 }] },
    });
    const startedAt = performance.now();
    for (let unit = 0; unit < 10; unit++) await reserve(saleId, `buyer-${unit}`);
    let frames = 0;
    let left = 10;
    while (left > 0) {
      left = (await stream.next())?.data.items[0].available;
      frames += 1;
    }
    expect(frames).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / 250) + 1);
    stream.close();
  });
});

describe('an operator', () => {
  test('sees that it lives and is ready, each dependency, and the metrics', async () => {
    expect((await get('/healthz')).status).toBe(200);
    const ready = await get('/readyz');
    expect([ready.status, ready.body]).toMatchObject([
      200,
      { status: 'ready', dependencies: { redis: 'up' } },
    ]);
    const metrics = await get('/metrics');
    expect(metrics.text).toMatch(/holdfast_edge_requests_total\{route="reserve",status="2xx"\} [1-9]/);
    expect(metrics.text).toMatch(/holdfast_edge_admitted_total [1-9]/);
    expect(metrics.text).toContain('holdfast_edge_requeued_total 0');
    expect(metrics.text).toMatch(/holdfast_edge_refused_total\{code="sold_out"\} [1-9]/);
    expect(metrics.text).toContain('holdfast_edge_open_streams{kind="ticket"}');
  });

  test('finds the contract, its page, and a page for every problem', async () => {
    const document = (await get('/openapi.json')).body;
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toContain('/v1/sales/{saleId}/reservations');
    const docs = await get('/docs');
    expect(docs.headers.get('content-type')).toContain('text/html');
    expect(docs.text).not.toMatch(/<script|https?:\/\//);
    for (const code of problemCodes) {
      const page = await get(`/problems/${code}`);
      expect([page.status, page.text.includes(problemKinds[code].title)]).toEqual([200, true]);
    }
    expectProblem(await get('/problems/made-up'), 404, 'not_found');
  });

  test('finds nothing in what is not there, and the methods of what is', async () => {
    expectProblem(await get('/v1/nothing'), 404, 'not_found');
    const wrong = await call('DELETE', '/v1/sales');
    expectProblem(wrong, 405, 'method_not_allowed');
    expect(wrong.headers.get('allow')).toBe('HEAD, GET, OPTIONS');
    expectProblem(await get('/v1/sales/s/reservations'), 405, 'method_not_allowed');
  });

  test('can put the button on another site', async () => {
    const origin = { Origin: 'https://shop.example' };
    const preflight = await call('OPTIONS', '/v1/sales/s/reservations', undefined, {
      ...origin,
      'Access-Control-Request-Method': 'POST',
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://shop.example',
    ]);
    const allowed = preflight.headers.get('access-control-allow-headers');
    for (const name of ['Idempotency-Key', 'Challenge-Solution', 'Authorization'])
      expect(allowed).toContain(name);
    const read = await get('/v1/sales', origin);
    expect(read.headers.get('access-control-expose-headers')).toMatch(
      /Location.*ETag.*Retry-After.*RateLimit/,
    );
    const stranger = await get('/v1/sales', { Origin: 'https://evil.example' });
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('gets a problem for what is not even HTTP, with an id to find it by', async () => {
    const broken = await raw('no such thing\r\n\r\n');
    expect(broken).toMatch(/^HTTP\/1\.1 400 /);
    expect(broken).toMatch(/X-Request-Id: \S+/);
    expect(broken).toMatch(/Server-Timing: /);
    expect(broken).toContain('"code":"bad_request"');
    expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'z'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
    expect(await raw('GET / HTTP/1.1\r\nHost: \\bad host\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*bad_request/,
    );
  });

  test('finds no fault of the edge in the log after all of this', () => {
    expect(house.logged.filter((line) => line.startsWith('A request failed'))).toEqual([]);
  });
});

describe('an edge in trouble', () => {
  test('refuses with 503 and when to come back while the gate does not answer, and goes on afterwards', async () => {
    const saleId = await house.open();
    const ticket = await hold(saleId, 'anna');
    process.kill(house.redis.pid as number, 'SIGSTOP');
    try {
      const answers = await Promise.all([
        reserve(saleId, 'bob'),
        get(ticket),
        post(`${ticket}/confirm`),
        get('/v1/sales'),
        get(`/v1/sales/${saleId}`),
      ]);
      for (const answer of answers) {
        expectProblem(answer, 503, 'gate_unavailable');
        expect(answer.headers.get('retry-after')).toBe('1');
      }
      const ready = await get('/readyz');
      expect([ready.status, ready.body]).toEqual([
        503,
        { status: 'unavailable', dependencies: { redis: 'down' } },
      ]);
      expect((await get('/healthz')).status).toBe(200);
    } finally {
      process.kill(house.redis.pid as number, 'SIGCONT');
    }
    const again = await reserve(saleId, 'carl', 1, { Prefer: 'wait=10' });
    expect(again.status).toBe(201);
  });

  test('that is stopped ends its streams and answers everyone who waits with what is known', async () => {
    const stopping = await openEdgeHouse();
    const saleId = await stopping.open();
    stopping.freeze(saleId);
    const address = `${stopping.url}/v1/sales/${saleId}`;
    const stream = await fetch(`${address}/events`);
    const waiting = fetch(`${address}/reservations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'wait=30' },
      body: JSON.stringify({ buyerId: 'anna' }),
    });
    await seen(stream, '"available":9');
    const closing = stopping.close();
    expect((await waiting).status).toBe(202);
    await seen(stream, null);
    await closing;
    await expect(fetch(`${address}`)).rejects.toThrow();
  });
});

/** Reads a stream until it says `text`; null until it ends. */
describe('a lobby', () => {
  test('is joined once per buyer, left again, and drawn in front of those who come later', async () => {
    const saleId = await lobbyOf(house, 10);
    const lobby = `/v1/sales/${saleId}/lobby`;
    const first = await post(lobby, { buyerId: 'anna' }, { 'Idempotency-Key': 'one' });
    expect(first.status).toBe(202);
    expect(first.body).toMatchObject({ status: 'lobby', buyerId: 'anna', ahead: 0 });
    expect(first.headers.get('location')).toBe(`/v1/tickets/${first.body.id}`);
    const again = await post(lobby, { buyerId: 'anna' }, { 'Idempotency-Key': 'two' });
    expect([again.status, again.body.id, again.headers.get('idempotent-replayed')]).toEqual([
      200,
      first.body.id,
      'true',
    ]);
    const second = await post(lobby, { buyerId: 'bert', lines: [{ sku: 'tee', quantity: 2 }] });
    const third = await post(lobby, { buyerId: 'cleo' });
    expect((await post(`/v1/tickets/${third.body.id}/cancel`)).body.status).toBe('cancelled');
    expectProblem(
      await post(lobby, { buyerId: 'dora', lines: [{ sku: 'cap', quantity: 1 }] }),
      422,
      'unknown_item',
    );
    expectProblem(await post(lobby, { buyerId: '' }), 422, 'invalid_body');
    expectProblem(await reserve(saleId, 'late'), 409, 'not_open');
    const shown = (await get(`/v1/sales/${saleId}`)).body;
    expect(shown).toMatchObject({ status: 'lobby', draw: { seed: null, members: null } });
    expect(shown.journal.head).toMatch(/^[0-9a-f]{64}$/);

    expect(await house.desk.move(saleId, 'open', null)).toMatchObject({ kind: 'done' });
    const late = await reserve(saleId, 'late');
    expect(late.status).toBe(202);
    expect(late.body.seq).toBeGreaterThan((await get(`/v1/tickets/${second.body.id}`)).body.seq);
    expect((await get(`/v1/sales/${saleId}`)).body).toMatchObject({ status: 'open', draw: { members: 2 } });
    expectProblem(await post(lobby, { buyerId: 'emil' }), 409, 'invalid_transition');
    expect((await post(lobby, { buyerId: 'anna' })).body.id).toBe(first.body.id);
  });
});

async function seen(stream: Response, text: string | null): Promise<void> {
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  for (let all = ''; text === null || !all.includes(text); ) {
    const { done, value } = await reader.read();
    if (done) {
      if (text !== null) throw new Error(`the stream ended without ${text}`);
      break;
    }
    all += Buffer.from(value).toString();
  }
  reader.releaseLock();
}

async function untilAvailable(saleId: string, units: number): Promise<void> {
  const stream = await follow(`/v1/sales/${saleId}/events`);
  for (let frame = await stream.next(); frame !== null; frame = await stream.next()) {
    if (frame.data.items[0].available === units) break;
  }
  stream.close();
}

/** Follows a ticket until it is final. */
async function ended(ticket: string): Promise<void> {
  const stream = await follow(`${ticket}/events`);
  while ((await stream.next()) !== null);
}

interface Frame {
  event: string;
  id: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any frame
  data: any;
}

/** An event stream; `next` is null when it has ended. */
async function follow(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ next(): Promise<Frame | null>; close(): void }> {
  const leaving = new AbortController();
  const response = await fetch(`${house.url}${path}`, { headers, signal: leaving.signal });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let text = '';
  return {
    close: () => leaving.abort(),
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end >= 0) {
          const frame = text.slice(0, end);
          text = text.slice(end + 2);
          if (!frame.startsWith(':')) return parseFrame(frame);
          continue;
        }
        const { done, value } = await reader.read();
        if (done) return null;
        text += value;
      }
    },
  };
}

function parseFrame(frame: string): Frame {
  const fields = Object.fromEntries(
    frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return { event: fields['event'] ?? '', id: fields['id'] ?? '', data: JSON.parse(fields['data'] ?? 'null') };
}

/** Sends bytes, and answers with what came back until the other side closed. */
function raw(
  head: string,
  more: { chunk: string; times: number } = { chunk: '', times: 0 },
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(house.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(head);
    for (let time = 0; time < more.times; time++) socket.write(more.chunk);
  });
}
