import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventKindsOf } from '@holdfast/contracts';
import { retryDelayMs, type WebhookLedger } from '@holdfast/core';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tell } from '../support/commands.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type Courier, openCourier } from '../support/couriers.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until } from '../support/sales.ts';
import { type Arrival, openWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

describe('webhooks', () => {
  let house: House;
  let console: Awaited<ReturnType<typeof openConsoleApp>>;
  let receiver: WebhookReceiver;
  const couriers: Courier[] = [];

  beforeAll(async () => {
    house = await openHouse({ workers: 1 });
    console = await openConsoleApp(house);
  });
  beforeEach(async () => {
    receiver = await openWebhookReceiver();
  });
  afterEach(async () => {
    for (const courier of couriers.splice(0)) await courier.close();
    for (const { id } of (await ask('GET', '/v1/webhooks')).body.webhooks)
      await ask('POST', `/v1/webhooks/${id}/revoke`);
    await receiver.close();
  });
  afterAll(async () => {
    await console.close();
    await house.close();
  });

  async function ask(method: string, path: string, body?: object) {
    const response = await console.app.request(path, {
      method,
      headers: {
        Authorization: `Bearer ${adminKey}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : null };
  }

  async function subscribe(change: object = {}): Promise<{ id: string; secret: string }> {
    const made = await ask('POST', '/v1/webhooks', { url: receiver.url(), ...change });
    expect(made.status).toBe(201);
    return made.body;
  }

  async function courier(
    ...change: Parameters<typeof openCourier> extends [unknown, ...infer Rest] ? Rest : never
  ) {
    const opened = await openCourier(house, ...change);
    couriers.push(opened);
    return opened;
  }

  /** Everything that a sale's journal has to tell, as message ids, in order. */
  async function told(saleId: string): Promise<string[]> {
    const events = await house.ledger.journal(saleId, 0, 10_000);
    const kinds = eventKindsOf(null);
    return events.filter(({ type }) => kinds.includes(type)).map(({ position }) => `${saleId}-${position}`);
  }

  function arrivalsOf(saleId: string, path = '/'): Arrival[] {
    return receiver.arrivals.filter(
      (arrival) => arrival.path === path && arrival.message.data['saleId'] === saleId,
    );
  }

  function idsOf(saleId: string, path = '/'): string[] {
    return arrivalsOf(saleId, path).map(({ id }) => id);
  }

  /** Waits until a sale is at rest and all of it has arrived at least once. */
  async function allArrived(saleId: string, path = '/'): Promise<string[]> {
    await atRest(house, saleId);
    const wanted = await told(saleId);
    await until(
      `all of ${saleId} to arrive`,
      async () => wanted.every((id) => idsOf(saleId, path).includes(id)),
      15_000,
    );
    return wanted;
  }

  async function endpoint(id: string) {
    return (await ask('GET', `/v1/webhooks/${id}`)).body;
  }

  async function deliveries(id: string, query = ''): Promise<Record<string, any>[]> {
    return (await ask('GET', `/v1/webhooks/${id}/deliveries${query}`)).body.deliveries;
  }

  function delivery(id: string, what: string, holds: (row: Record<string, any>) => boolean) {
    return until(what, async () => (await deliveries(id)).find(holds) ?? null);
  }

  describe('arrive', () => {
    it('in order and all, of several sales at once, one at a time of each, however many workers there are', async () => {
      const endpoints = await Promise.all([subscribe(), subscribe({ url: receiver.url('/other') })]);
      const sales = await Promise.all([1, 2, 3].map(() => openTees(house, 30)));
      for (let count = 0; count < 3; count += 1) await courier();
      await Promise.all(
        sales.map(async (sale) => {
          const tickets = await buyMany(house.edge, sale, 'b', 40);
          const held = tickets.filter((ticket) => ticket !== null);
          for (const ticket of held.slice(0, 10)) await tell(house.edge, ticket, 'confirm');
          for (const ticket of held.slice(10, 20)) await tell(house.edge, ticket, 'cancel');
        }),
      );
      for (const path of ['/', '/other'])
        for (const sale of sales) {
          const wanted = await allArrived(sale, path);
          expect(wanted.length).toBeGreaterThan(50);
          expect(idsOf(sale, path)).toEqual(wanted);
        }
      expect(receiver.mostAtOnce).toBe(1);
      expect(
        couriers.filter(({ reports }) => reports.length > 0).length,
        'workers that delivered',
      ).toBeGreaterThan(1);
      expect(couriers.flatMap(({ faults }) => faults)).toEqual([]);
      for (const { id } of endpoints)
        expect(await endpoint(id)).toMatchObject({ status: 'enabled', failingSince: null });
    }, 60_000);

    it('with the buyer, the lines and the total, under a signature that the library of Standard Webhooks accepts', async () => {
      const { secret } = await subscribe({ types: ['reservation.confirmed'] });
      await courier();
      const sale = await openTees(house, 3);
      const ticket = await buy(house.edge, sale, 'ada');
      if (ticket === null) throw new Error('ada got none');
      await tell(house.edge, ticket, 'confirm', { paymentRef: 'pay-1' });
      await until('the confirmation', async () => receiver.arrivals.length > 0);
      const [arrival] = receiver.arrivals as [Arrival];
      expect(arrival.headers['content-type']).toBe('application/json');
      expect(new Webhook(secret).verify(arrival.body, arrival.headers)).toEqual({
        type: 'reservation.confirmed',
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        data: {
          saleId: sale,
          position: expect.any(Number),
          ticketId: ticket.id,
          buyerId: 'ada',
          lines: [{ sku: 'tee', quantity: 1, unitPriceMinor: 4_900 }],
          totalMinor: 4_900,
          currency: 'EUR',
          paymentRef: 'pay-1',
        },
      });
      const verify = (body: string, headers: Record<string, string>) => () =>
        new Webhook(secret).verify(body, headers);
      expect(verify(arrival.body.replace('ada', 'eve'), arrival.headers)).toThrow('No matching signature');
      expect(verify(arrival.body, { ...arrival.headers, 'webhook-id': 'other-1' })).toThrow(
        'No matching signature',
      );
      expect(verify(arrival.body, { ...arrival.headers, 'webhook-timestamp': '1700000000' })).toThrow(
        'too old',
      );
      const stranger = new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`);
      expect(() => stranger.verify(arrival.body, arrival.headers)).toThrow('No matching signature');
    });

    it('from the time on when they were asked for, of the sale and the types that were asked for, and of a new sale from its beginning', async () => {
      const [before, other] = [await openTees(house, 2), await openTees(house, 2)];
      await buy(house.edge, before, 'early');
      await atRest(house, before);
      const seen = (await told(before)).length;
      await subscribe({ url: receiver.url('/all') });
      await subscribe({
        url: receiver.url('/one'),
        saleId: before,
        types: ['reservation.held', 'reservation.cancelled'],
      });
      await courier();
      const late = await buy(house.edge, before, 'late');
      await buy(house.edge, other, 'elsewhere');
      const fresh = await openTees(house, 1);
      await allArrived(fresh, '/all');
      await atRest(house, before);
      const rest = (await told(before)).slice(seen);
      await until('the rest', async () => idsOf(before, '/all').length >= rest.length);
      expect(idsOf(before, '/all')).toEqual(rest);
      expect(arrivalsOf(fresh, '/all')[0]?.message.type).toBe('sale.created');
      const one = receiver.arrivals.filter(({ path }) => path === '/one').map(({ message }) => message);
      expect(one).toEqual([
        expect.objectContaining({
          type: 'reservation.held',
          data: expect.objectContaining({ ticketId: late?.id }),
        }),
      ]);
    });
  });

  describe('when something goes wrong', () => {
    it('a worker that dies between a delivery and its cursor gives a double with the same id, and nothing is lost', async () => {
      await subscribe();
      let died = 0;
      const dies = (real: WebhookLedger): WebhookLedger => ({
        ...real,
        delivered: async (...given) => {
          if (given[1].type !== 'reservation.held' || died++ > 0) return real.delivered(...given);
          throw new Error('killed');
        },
      });
      await courier({ ledgerOf: dies });
      const sale = await openTees(house, 5);
      await buyMany(house.edge, sale, 'b', 5);
      const wanted = await allArrived(sale);
      const all = idsOf(sale);
      expect([...new Set(all)]).toEqual(wanted);
      const doubles = all.filter((id, index) => all.indexOf(id) !== index);
      expect(doubles).toHaveLength(1);
      const [first, second] = arrivalsOf(sale).filter(({ id }) => id === doubles[0]);
      expect(second?.body).toBe(first?.body);
      expect(receiver.mostAtOnce).toBe(1);
    });

    it('a worker that wakes after its lease is over moves no cursor', async () => {
      const { id } = await subscribe();
      const sale = await openTees(house, 5);
      await atRest(house, sale);
      const { webhooks } = house.ledger;
      const strand = await webhooks.takeStrand({ endpointId: id, saleId: sale }, 'a', 0);
      const other = await webhooks.takeStrand({ endpointId: id, saleId: sale }, 'b', 60_000);
      expect([strand?.position, other?.position]).toEqual([0, 0]);
      expect(await webhooks.takeStrand({ endpointId: id, saleId: sale }, 'c', 60_000)).toBeNull();
      const attempt = {
        messageId: `${sale}-1`,
        type: 'sale.created',
        position: 1,
        statusCode: 200,
        outcome: 'delivered' as const,
      };
      if (strand === null || other === null) throw new Error('no lease');
      expect(await webhooks.delivered(strand, attempt, 60_000, false)).toBeNull();
      expect(
        await webhooks.failed(strand, { ...attempt, outcome: 'status' }, { kind: 'stop', reason: 'gone' }),
      ).toBe(false);
      await webhooks.release(strand, 1);
      expect(await endpoint(id)).toMatchObject({ status: 'enabled', failingSince: null });
      expect(await deliveries(id)).toEqual([]);
      expect(await webhooks.delivered(other, attempt, 60_000, false)).toMatchObject({ url: receiver.url() });
      expect((await deliveries(id)).map(({ status }) => status)).toEqual(['delivered']);
    });

    it('a receiver that was away gets everything, in order, when it is back', async () => {
      const { id } = await subscribe();
      await courier();
      const sale = await openTees(house, 20);
      await allArrived(sale);
      await receiver.leave();
      await buyMany(house.edge, sale, 'b', 20);
      await delivery(id, 'three attempts', ({ status, attempts }) => status === 'failing' && attempts >= 3);
      expect((await endpoint(id)).failingSince).not.toBeNull();
      expect(await deliveries(id, '?status=failing')).toEqual([
        expect.objectContaining({
          type: 'reservation.held',
          error: 'connection',
          lastStatusCode: null,
          nextAttemptAt: expect.any(String),
        }),
      ]);
      await receiver.comeBack();
      const wanted = await allArrived(sale);
      expect(idsOf(sale)).toEqual(wanted);
      await until('the endpoint to be well', async () => (await endpoint(id)).failingSince === null);
      expect(await deliveries(id, '?status=failing')).toEqual([]);
    });

    it('one sale that does not get through holds back no other', async () => {
      await subscribe();
      const [stuck, fine] = [await openTees(house, 5), await openTees(house, 5)];
      receiver.answer = ({ message }) => (message.data['saleId'] === stuck ? 500 : 200);
      await courier();
      await buyMany(house.edge, stuck, 'b', 5);
      await buyMany(house.edge, fine, 'b', 5);
      const wanted = await allArrived(fine);
      expect(idsOf(fine)).toEqual(wanted);
      await until('the stuck sale to be tried', async () => idsOf(stuck).length > 2);
      expect(new Set(idsOf(stuck)).size).toBe(1);
      receiver.answer = () => 200;
      await allArrived(stuck);
      expect([...new Set(idsOf(stuck))]).toEqual(await told(stuck));
    });

    it('a receiver that asks to be left alone for an hour is, and the log says until when', async () => {
      const { id } = await subscribe();
      receiver.answer = () => (response) => void response.writeHead(429, { 'Retry-After': '3600' }).end();
      await courier({ retryDelayMs });
      await openTees(house, 1);
      const row = await delivery(id, 'a failure', ({ status }) => status === 'failing');
      expect((Date.parse(String(row['nextAttemptAt'])) - Date.now()) / 60_000).toBeCloseTo(60, 0);
      expect(receiver.arrivals).toHaveLength(1);
    });

    it('whatever waits for its next attempt is tried at once when one gets through again', async () => {
      const { id } = await subscribe();
      receiver.answer = () => 500;
      await courier({ retryDelayMs: () => 3_600_000 });
      const sales = await Promise.all([1, 2, 3].map(() => openTees(house, 1)));
      const rows = await until('all to fail', async () => {
        const failing = await deliveries(id, '?status=failing');
        return failing.length === 3 && failing;
      });
      receiver.answer = () => 200;
      await ask('POST', `/v1/webhooks/${id}/deliveries/${rows[0]?.['id']}/resend`);
      for (const sale of sales) await allArrived(sale);
    });

    it('an endpoint that never answers, with more sales than a worker has hands, holds back no other', async () => {
      await subscribe({ url: receiver.url('/silent') });
      await subscribe();
      receiver.answer = ({ path }) => (path === '/silent' ? new Promise<never>(() => undefined) : 200);
      await courier({ concurrency: 6, withinMs: 60_000 });
      const sales = await Promise.all(Array.from({ length: 8 }, () => openTees(house, 1)));
      const silent = () => receiver.arrivals.filter(({ path }) => path === '/silent').length;
      await until('the silent one to be called', async () => silent() === 4);
      await buyMany(house.edge, sales[0] as string, 'b', 3);
      for (const sale of sales) expect(await allArrived(sale)).toEqual(idsOf(sale));
      expect(silent()).toBe(4);
    });

    it('410 stops the endpoint for everything, until it is enabled again and goes on where it stood', async () => {
      const { id } = await subscribe();
      const { reports } = await courier();
      const sale = await openTees(house, 5);
      await allArrived(sale);
      receiver.answer = () => 410;
      await buyMany(house.edge, sale, 'b', 3);
      await until('the endpoint to be disabled', async () => (await endpoint(id)).status === 'disabled');
      expect(await endpoint(id)).toMatchObject({ reason: 'gone' });
      expect((await deliveries(id))[0]).toMatchObject({
        status: 'failed',
        error: 'gone',
        lastStatusCode: 410,
        nextAttemptAt: null,
      });
      expect(reports.at(-1)).toMatchObject({ outcome: 'gone', stopped: 'gone' });
      const calls = receiver.arrivals.length;
      expect(await couriers[0]?.sweepOnce()).toBe(0);
      receiver.answer = () => 200;
      await buyMany(house.edge, sale, 'c', 2);
      await atRest(house, sale);
      expect(await couriers[0]?.sweepOnce()).toBe(0);
      expect(receiver.arrivals).toHaveLength(calls);
      const enabled = await ask('PATCH', `/v1/webhooks/${id}`, { status: 'enabled' });
      expect(enabled.body).toMatchObject({ status: 'enabled', reason: null });
      await allArrived(sale);
      expect([...new Set(idsOf(sale))]).toEqual(await told(sale));
    });

    it('an endpoint that fails for as long as we try is disabled, and goes on where it stood when it is enabled', async () => {
      const { id } = await subscribe();
      await courier({ retryDelayMs: (attempts) => (attempts < 4 ? 20 : null) });
      const sale = await openTees(house, 5);
      await allArrived(sale);
      receiver.answer = () => 503;
      await buyMany(house.edge, sale, 'b', 5);
      await until('the endpoint to be disabled', async () => (await endpoint(id)).status === 'disabled');
      expect(await endpoint(id)).toMatchObject({ reason: 'failing', failingSince: expect.any(String) });
      expect((await deliveries(id))[0]).toMatchObject({
        status: 'failed',
        attempts: 4,
        error: 'status',
        lastStatusCode: 503,
      });
      expect(await house.ledger.webhooks.standing()).toMatchObject({
        endpoints: { disabled: 1 },
        oldestUndeliveredSeconds: 0,
      });
      receiver.answer = () => 200;
      await ask('PATCH', `/v1/webhooks/${id}`, { status: 'enabled' });
      await allArrived(sale);
      expect([...new Set(idsOf(sale))]).toEqual(await told(sale));
      expect((await deliveries(id)).filter(({ status }) => status !== 'delivered')).toEqual([]);
    });

    it('a redirect is a failure, and is not followed', async () => {
      const { id } = await subscribe({ types: ['sale.created'] });
      receiver.answer = () => (response) =>
        void response.writeHead(302, { Location: receiver.url('/elsewhere') }).end();
      await courier();
      await openTees(house, 1);
      const row = await delivery(id, 'an attempt', ({ attempts }) => attempts > 1);
      expect(row).toMatchObject({ status: 'failing', error: 'redirect', lastStatusCode: 302 });
      expect(receiver.arrivals.filter(({ path }) => path !== '/')).toEqual([]);
    });
  });

  describe('for the merchant', () => {
    it('a test arrives whatever state the endpoint is in, and the log says how it went', async () => {
      const { id, secret } = await subscribe();
      await courier();
      await ask('PATCH', `/v1/webhooks/${id}`, { status: 'paused' });
      const queued = await ask('POST', `/v1/webhooks/${id}/test`);
      expect(queued).toMatchObject({
        status: 202,
        body: { type: 'webhook.test', status: 'queued', attempts: 0 },
      });
      await delivery(id, 'the test', (row) => row['id'] === queued.body.id && row['status'] === 'delivered');
      const [arrival] = receiver.arrivals as [Arrival];
      expect(arrival.id).toBe(queued.body.id);
      expect(new Webhook(secret).verify(arrival.body, arrival.headers)).toMatchObject({
        type: 'webhook.test',
        data: { endpointId: id },
      });
      receiver.answer = () => 404;
      const failed = await ask('POST', `/v1/webhooks/${id}/test`, {});
      const row = await delivery(
        id,
        'the failed test',
        (one) => one['id'] === failed.body.id && one['status'] === 'failed',
      );
      expect(row).toMatchObject({ attempts: 1, error: 'status', lastStatusCode: 404, nextAttemptAt: null });
      expect(await endpoint(id)).toMatchObject({ status: 'paused', failingSince: null });
    });

    it('a delivery is sent again with the id and the text that it had', async () => {
      const { id } = await subscribe({ types: ['reservation.held'] });
      await courier();
      const sale = await openTees(house, 1);
      await buy(house.edge, sale, 'ada');
      const row = await delivery(id, 'the hold', ({ status }) => status === 'delivered');
      expect(await ask('POST', `/v1/webhooks/${id}/deliveries/${row['id']}/resend`)).toMatchObject({
        status: 202,
        body: { id: row['id'], status: 'queued' },
      });
      await delivery(
        id,
        'the second attempt',
        ({ status, attempts }) => status === 'delivered' && attempts === 2,
      );
      const [first, second] = arrivalsOf(sale);
      expect(receiver.arrivals).toHaveLength(2);
      expect(second).toMatchObject({ id: first?.id, body: first?.body });
      expect((await ask('POST', `/v1/webhooks/${id}/deliveries/nothing/resend`)).status).toBe(404);
    });

    it('one that still stands in its strand is tried at once, in its place', async () => {
      const { id } = await subscribe();
      await courier({ retryDelayMs: () => 3_600_000 });
      receiver.answer = () => 500;
      const sale = await openTees(house, 1);
      const row = await delivery(id, 'a failure', ({ status }) => status === 'failing');
      await atRest(house, sale);
      receiver.answer = () => 200;
      const asked = await ask('POST', `/v1/webhooks/${id}/deliveries/${row['id']}/resend`);
      expect(asked.body).toMatchObject({ status: 'failing' });
      await allArrived(sale);
      expect([...new Set(idsOf(sale))]).toEqual(await told(sale));
    });

    it('a new secret signs at once, and for a day the old one signs along', async () => {
      const { id, secret } = await subscribe();
      await courier();
      const rotated = await ask('POST', `/v1/webhooks/${id}/rotate`);
      expect(rotated.body.secret).toMatch(/^whsec_[\w+/=]{44}$/);
      expect(rotated.body.secret).not.toBe(secret);
      await ask('POST', `/v1/webhooks/${id}/test`);
      const both = await until('the test', async () => receiver.arrivals[0] ?? null);
      for (const one of [secret, rotated.body.secret]) new Webhook(one).verify(both.body, both.headers);
      await house.rows(`update webhook_endpoints set old_secret_until = now() where id = $1`, [id]);
      await ask('POST', `/v1/webhooks/${id}/test`);
      const later = await until('the second test', async () => receiver.arrivals[1] ?? null);
      new Webhook(rotated.body.secret).verify(later.body, later.headers);
      expect(() => new Webhook(secret).verify(later.body, later.headers)).toThrow('No matching signature');
    });

    it('a pause keeps everything, and a resumed endpoint gets it in order', async () => {
      const { id } = await subscribe();
      await courier();
      const sale = await openTees(house, 5);
      await allArrived(sale);
      await ask('PATCH', `/v1/webhooks/${id}`, { status: 'paused' });
      await until('the last job to end', async () => (await couriers[0]?.sweepOnce()) === 0);
      await buyMany(house.edge, sale, 'b', 5);
      await atRest(house, sale);
      const before = idsOf(sale).length;
      expect(await couriers[0]?.sweepOnce()).toBe(0);
      await ask('PATCH', `/v1/webhooks/${id}`, { status: 'enabled' });
      const wanted = await allArrived(sale);
      expect(wanted.length).toBeGreaterThan(before);
      expect(idsOf(sale)).toEqual(wanted);
    });

    it('a change of address, types and name holds from the next message on', async () => {
      const { id } = await subscribe({ name: 'shop', types: ['sale.created'] });
      await courier();
      const changed = await ask('PATCH', `/v1/webhooks/${id}`, {
        url: receiver.url('/new'),
        types: null,
        name: 'till',
      });
      expect(changed.body).toMatchObject({ id, name: 'till', url: receiver.url('/new'), types: null });
      const sale = await openTees(house, 1);
      await allArrived(sale, '/new');
      expect(idsOf(sale)).toEqual([]);
    });

    it('a revoked endpoint is called no more, takes nothing, and has lost its secret', async () => {
      const { id, secret } = await subscribe();
      await courier();
      const revoked = await ask('POST', `/v1/webhooks/${id}/revoke`);
      expect(revoked.body).toMatchObject({ status: 'revoked' });
      expect((await ask('POST', `/v1/webhooks/${id}/revoke`)).body).toEqual(revoked.body);
      await openTees(house, 1);
      for (const [method, path, body] of [
        ['PATCH', '', { status: 'enabled' }],
        ['POST', '/rotate', undefined],
        ['POST', '/test', undefined],
        ['POST', '/deliveries/x/resend', undefined],
      ] as const)
        expect((await ask(method, `/v1/webhooks/${id}${path}`, body)).body).toMatchObject({
          code: 'invalid_transition',
        });
      expect(await couriers[0]?.sweepOnce()).toBe(0);
      expect(receiver.arrivals).toEqual([]);
      const rows = await house.rows('select 1 from webhook_endpoints e where strpos(e::text, $1) > 0', [
        secret,
      ]);
      expect(rows).toEqual([]);
    });

    it('the secret is shown where it is made, and nowhere else', async () => {
      const { id, secret } = await subscribe();
      const { reports } = await courier();
      receiver.answer = () => 500;
      await ask('POST', `/v1/webhooks/${id}/test`);
      await until('an attempt', async () => reports.length > 0);
      for (const path of ['', `/${id}`, `/${id}/deliveries`])
        expect((await ask('GET', `/v1/webhooks${path}`)).text).not.toContain(secret.slice(6));
      expect(JSON.stringify(reports) + house.logged.join()).not.toContain(secret.slice(6));
      expect(JSON.stringify(reports)).not.toContain(receiver.url());
    });

    it('the log is read in pages, the newest first, and is not kept for ever', async () => {
      const { id } = await subscribe();
      await courier();
      const sale = await openTees(house, 5);
      await buyMany(house.edge, sale, 'b', 5);
      const wanted = await allArrived(sale);
      await until(
        'all to be logged',
        async () => (await deliveries(id, '?status=delivered')).length === wanted.length,
      );
      const pages: string[] = [];
      for (let cursor = ''; ; ) {
        const { body } = await ask('GET', `/v1/webhooks/${id}/deliveries?limit=2${cursor}`);
        pages.push(...body.deliveries.map((row: { id: string }) => row.id));
        if (body.nextCursor === null) break;
        cursor = `&cursor=${body.nextCursor}`;
      }
      expect(pages.toSorted()).toEqual(wanted.toSorted());
      await house.rows(
        `update webhook_deliveries set created_at = now() - case when id = $1 then interval '13 days 23 hours' else interval '14 days 1 second' end`,
        [wanted[0]],
      );
      await house.ledger.webhooks.prune(10_000);
      expect((await deliveries(id)).map((row) => row['id'])).toEqual([wanted[0]]);
    });

    it('what makes no sense is refused, and nothing is made of it', async () => {
      const url = 'https://example.com/hook';
      for (const body of [
        {},
        { url: 'ftp://example.com' },
        { url: 'https://user:word@example.com' },
        { url: 'https://example.com/#part' },
        { url: 'not an address' },
        { url: `https://example.com/${'x'.repeat(2_000)}` },
        { url, types: [] },
        { url, types: ['reservation.dreamt'] },
        { url, types: ['sale.created', 'sale.created'] },
        { url, saleId: 'not a sale!' },
        { url, secret: 'mine' },
      ])
        expect((await ask('POST', '/v1/webhooks', body)).status, JSON.stringify(body)).toBe(422);
      expect(await ask('POST', '/v1/webhooks', { url, saleId: 'nowhere' })).toMatchObject({
        status: 404,
        body: { code: 'unknown_sale' },
      });
      const { id } = await subscribe();
      for (const body of [{}, { status: 'disabled' }, { saleId: null }, { url: 'x' }])
        expect((await ask('PATCH', `/v1/webhooks/${id}`, body)).status, JSON.stringify(body)).toBe(422);
      for (const query of ['?status=lost', '?cursor=x', '?limit=0'])
        expect((await ask('GET', `/v1/webhooks/${id}/deliveries${query}`)).status, query).toBe(422);
      expect((await ask('GET', '/v1/webhooks/nothing')).status).toBe(404);
      expect((await ask('GET', '/v1/webhooks/nothing/deliveries')).status).toBe(404);
      expect(
        (await ask('GET', '/v1/webhooks')).body.webhooks.filter(
          (one: { status: string }) => one.status !== 'revoked',
        ),
      ).toHaveLength(1);
    });
  });

  it('the receiver of the examples takes what is signed, once, and nothing else', async () => {
    const { id, secret } = await subscribe();
    const file = fileURLToPath(new URL('../../examples/webhook-receiver.mjs', import.meta.url));
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, PORT: '0', WEBHOOK_SECRET: secret },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    createInterface(child.stdout).on('line', (line) => void lines.push(line));
    try {
      const url = await until(
        'the example to listen',
        async () => /http:\S+/.exec(lines[0] ?? '')?.[0] ?? null,
      );
      await ask('PATCH', `/v1/webhooks/${id}`, { url });
      await courier();
      const sale = await openTees(house, 1);
      const row = await delivery(
        id,
        'the sale',
        (one) => one['saleId'] === sale && one['status'] === 'delivered',
      );
      await ask('POST', `/v1/webhooks/${id}/deliveries/${row['id']}/resend`);
      await delivery(id, 'the double', ({ attempts, status }) => attempts === 2 && status === 'delivered');
      expect(row['lastStatusCode']).toBe(204);
      expect(lines.slice(1)).toEqual([
        expect.stringMatching(new RegExp(`^${row['id']} sale.created {"saleId":"${sale}"`)),
      ]);
      expect((await fetch(url, { method: 'POST', body: '{"type":"sale.created"}' })).status).toBe(401);
      expect(lines).toHaveLength(2);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});
