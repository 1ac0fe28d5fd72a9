import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createWebhookSender, type WebhookSenderOptions } from '@holdfast/webhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onThisMachine, range } from '../support/couriers.ts';
import { openWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const message = {
  id: 'drop-1',
  type: 'sale.created',
  body: '{"type":"sale.created","data":{"saleId":"drop"}}',
};

describe('a webhook is sent', () => {
  let receiver: WebhookReceiver;
  const closers: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    receiver = await openWebhookReceiver();
    closers.push(receiver.close);
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  function sender(options: WebhookSenderOptions = {}) {
    const opened = createWebhookSender(options);
    closers.push(opened.close);
    return opened;
  }

  function send(url: string, options: WebhookSenderOptions = {}) {
    return sender(options).send({ url, secrets: [secret] }, message);
  }

  const refused = { kind: 'unanswered', why: 'refused_address' };
  const port = () => new URL(receiver.url()).port;

  it.each([
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '2130706433',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    'localhost',
  ])('to nobody at %s, and no connection is made', async (host) => {
    expect(await send(`http://${host}:${port()}/`)).toEqual(refused);
    expect(await send(`https://${host}:${port()}/`)).toEqual(refused);
    expect(receiver.connections).toBe(0);
  });

  it.each([
    ['this machine', [{ address: '127.0.0.1', family: 4 }]],
    ['this machine, in IPv6', [{ address: '::1', family: 6 }]],
    ['this machine, mapped', [{ address: '::ffff:127.0.0.1', family: 6 }]],
    ['the keys of a cloud', [{ address: '169.254.169.254', family: 4 }]],
    [
      'several private places',
      [
        { address: '10.0.0.1', family: 4 },
        { address: 'fd00::1', family: 6 },
      ],
    ],
  ])('to nobody at a name that leads to %s', async (_, addresses) => {
    const resolve = async () => addresses;
    expect(await send(`https://hooks.example.com:${port()}/`, { resolve })).toEqual(refused);
    expect(receiver.connections).toBe(0);
  });

  it('to nobody at a name that leads elsewhere when it is asked a second time: it is asked once, and only what was judged is called', async () => {
    const asked: string[] = [];
    // Each first answer is one that may be called, where nobody listens; each second one would be this machine.
    const resolve = async (hostname: string) => {
      asked.push(hostname);
      return [{ address: asked.length % 2 === 1 ? '127.0.0.9' : '127.0.0.1', family: 4 }];
    };
    const opened = sender({ resolve, allowed: [range('127.0.0.9')] });
    const target = { url: `http://rebinding.example.com:${port()}/`, secrets: [secret] };
    expect(await opened.send(target, message)).toEqual({ kind: 'unanswered', why: 'connection' });
    expect(asked).toHaveLength(1);
    // The next attempt asks again, and judges again.
    expect(await opened.send(target, message)).toEqual(refused);
    expect(receiver.connections).toBe(0);
  });

  it('to those addresses of a name that may be called, and to no other', async () => {
    const other = await openWebhookReceiver('127.0.0.2');
    closers.push(other.close);
    const resolve = async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ];
    const url = other.url().replace('127.0.0.2', 'hooks.example.com');
    expect(await send(url, { resolve, allowed: [range('127.0.0.2')] })).toEqual({
      kind: 'answered',
      status: 204,
    });
    expect(other.arrivals[0]?.headers['host']).toBe(`hooks.example.com:${new URL(url).port}`);
    expect(receiver.connections).toBe(0);
  });

  it('in the clear to allowed addresses only', async () => {
    const resolve = async () => [{ address: '93.184.216.34', family: 4 }];
    expect(await send('http://hooks.example.com/', { resolve })).toEqual({
      kind: 'unanswered',
      why: 'not_https',
    });
    expect(await send(receiver.url(), { allowed: onThisMachine })).toEqual({ kind: 'answered', status: 204 });
  });

  it('with TLS, or not at all, where the address says https', async () => {
    const url = receiver.url().replace('http:', 'https:');
    expect(await send(url, { allowed: onThisMachine })).toEqual({ kind: 'unanswered', why: 'tls' });
    expect(receiver.arrivals).toEqual([]);
  });

  it('to no name that there is not, and to nobody who does not listen', async () => {
    const gone = await openWebhookReceiver();
    await gone.close();
    const allowed = onThisMachine;
    expect(await send(gone.url(), { allowed })).toEqual({ kind: 'unanswered', why: 'connection' });
    const resolve = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
    expect(await send('https://nowhere.example.com/', { resolve })).toEqual({
      kind: 'unanswered',
      why: 'unresolved',
    });
  });

  it('and the receiver may say when to come again, in seconds or by a date', async () => {
    const asked = async (value: string) => {
      receiver.answer = () => (response) => void response.writeHead(503, { 'Retry-After': value }).end();
      return send(receiver.url(), { allowed: onThisMachine });
    };
    expect(await asked('120')).toEqual({ kind: 'answered', status: 503, retryAfterMs: 120_000 });
    expect(await asked('Wed, 21 Oct 2015 07:28:00 GMT'), 'long ago').toMatchObject({ retryAfterMs: 0 });
    const inAnHour = await asked(new Date(Date.now() + 3_600_000).toUTCString());
    expect((inAnHour as { retryAfterMs: number }).retryAfterMs / 60_000).toBeCloseTo(60, 0);
    for (const nonsense of ['soon', '-5', '1e3', ''])
      expect(await asked(nonsense), nonsense).toEqual({ kind: 'answered', status: 503 });
  });

  describe('and cut off', () => {
    const quick = { allowed: onThisMachine, withinMs: 300 };

    it('when the receiver does not answer, or its name is never resolved', async () => {
      receiver.answer = () => () => undefined;
      expect(await send(receiver.url(), quick)).toEqual({ kind: 'unanswered', why: 'timeout' });
      const resolve = () => new Promise<never>(() => undefined);
      expect(await send('https://slow.example.com/', { resolve, withinMs: 300 })).toEqual({
        kind: 'unanswered',
        why: 'timeout',
      });
    });

    it('when the head of the answer drips, or never ends', async () => {
      const drip = await rawServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('x: y\r\n'), 20);
        socket.on('close', () => clearInterval(timer));
      });
      expect(await send(drip, quick)).toEqual({ kind: 'unanswered', why: 'timeout' });
      const flood = await rawServer(
        (socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1_000_000)}`),
      );
      expect(await send(flood, { ...quick, withinMs: 5_000 })).toEqual({
        kind: 'unanswered',
        why: 'connection',
      });
    });

    it('when the body does not end: what counts is the status, and the connection is gone', async () => {
      const closed = Promise.withResolvers<number>();
      let written = 0;
      const endless = await rawServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const chunk = Buffer.concat([Buffer.from('4000\r\n'), Buffer.alloc(0x4000), Buffer.from('\r\n')]);
        const more = () => {
          while (!socket.destroyed && socket.write(chunk)) written += chunk.length;
          written += chunk.length;
        };
        socket.on('drain', more);
        socket.on('close', () => closed.resolve(written));
        more();
      });
      expect(await send(endless, { allowed: onThisMachine })).toEqual({ kind: 'answered', status: 200 });
      // What stands in the buffers of two sockets, and no more.
      expect(await closed.promise).toBeLessThan(16 * 1024 * 1024);
    });

    it('when the process stops', async () => {
      receiver.answer = () => () => undefined;
      const opened = sender({ allowed: onThisMachine });
      const answer = opened.send({ url: receiver.url(), secrets: [secret] }, message);
      while (receiver.arrivals.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await opened.close();
      expect(await answer).toEqual({ kind: 'unanswered', why: 'connection' });
      expect(await opened.send({ url: receiver.url(), secrets: [secret] }, message)).toMatchObject({
        kind: 'unanswered',
      });
      const asked = Promise.withResolvers<void>();
      const resolve = () => {
        asked.resolve();
        return new Promise<never>(() => undefined);
      };
      const slow = sender({ resolve });
      const unresolved = slow.send({ url: 'https://slow.example.com/', secrets: [secret] }, message);
      await asked.promise;
      await slow.close();
      expect(await unresolved).toEqual({ kind: 'unanswered', why: 'connection' });
    });
  });

  /** A server that reads a request's first bytes and then does what it likes; answers with its address. */
  async function rawServer(answer: (socket: Socket) => void): Promise<string> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => answer(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }
});
