/** Clients that hold on to something of a server without end: each of them is let go, and nobody else notices. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { closeHttpServer, openHttpServer } from '@holdfast/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../apps/console/src/app.ts';
import { createConsoleServer } from '../../apps/console/src/server.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/sales.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

const times = { headersTimeoutMs: 300, requestTimeoutMs: 600, checkEveryMs: 100 };
const trickleEveryMs = 50;

interface Client {
  socket: Socket;
  said(): string;
  closed: Promise<unknown>;
}

function arrive(port: number): Client {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (piece) => {
    text += piece.toString();
  });
  return { socket, said: () => text, closed: gone(socket) };
}

/** Broken or ended, it is gone. */
function gone(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

/** Sends `head`, and then one byte of `rest` after the other, for as long as the other side lets it. */
async function trickle(port: number, head: string, rest: string): Promise<string> {
  const { socket, said, closed } = arrive(port);
  socket.write(head);
  let at = 0;
  const clock = setInterval(() => socket.write(rest[at++ % rest.length] ?? ''), trickleEveryMs);
  await closed;
  clearInterval(clock);
  return said();
}

describe.each(['edge', 'console'] as const)('the %s', (which) => {
  let edge: EdgeHouse | null = null;
  let house: House | null = null;
  let port: number;
  let close: () => Promise<void>;
  let post: string;
  let work: () => Promise<number>;

  beforeAll(async () => {
    if (which === 'edge') {
      const opened = await openEdgeHouse({ times });
      edge = opened;
      port = opened.port;
      const saleId = await opened.open();
      post = `POST /v1/sales/${saleId}/reservations`;
      work = async () => (await fetch(`${opened.url}/v1/sales/${saleId}`)).status;
      close = opened.close;
    } else {
      const opened = await openHouse({ workers: 0, edges: 0 });
      house = opened;
      const app = await openConsoleApp(opened);
      const server = createConsoleServer(createApp(app.parts).fetch, undefined, times);
      port = await openHttpServer(server, 0, '127.0.0.1');
      post = 'POST /v1/sales';
      const headers = { Authorization: `Bearer ${adminKey}` };
      work = async () => (await fetch(`http://127.0.0.1:${port}/v1/sales`, { headers })).status;
      close = async () => {
        await closeHttpServer(server);
        await app.close();
        await opened.close();
      };
    }
  });
  afterAll(async () => {
    expect([edge, house]).not.toEqual([null, null]);
    await close();
  });

  it('waits for headers only so long', async () => {
    const said = await trickle(port, `${post} HTTP/1.1\r\nHost: x\r\nX-Slow: `, 'a');
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
    expect(said).toContain('application/problem+json');
    expect(await work()).toBe(200);
  });

  it('waits for a body only so long, however steadily it trickles', async () => {
    const head = `${post} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminKey}\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{"buyerId":"`;
    const said = await trickle(port, head, 'a');
    expect(said).toMatch(/^HTTP\/1\.1 4(00|08) /);
    expect(await work()).toBe(200);
  });

  it('lets nobody keep a connection half open who was answered', async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.write('nonsense\r\n\r\n');
    socket.resume();
    await once(socket, 'end');
    // It never ends its own half; the server gives it up all the same.
    const keeps = setInterval(() => socket.write('more'), trickleEveryMs);
    await gone(socket);
    clearInterval(keeps);
  });

  it('takes headers only up to a size and a number', async () => {
    const large = arrive(port);
    large.socket.write(`${post} HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`);
    await large.closed;
    expect(large.said()).toMatch(/^HTTP\/1\.1 431 /);
    expect(large.said()).toContain('application/problem+json');
    const many = Array.from({ length: 500 }, (_, index) => `X-${index}: 1`).join('\r\n');
    const numerous = arrive(port);
    numerous.socket.write(
      `${post} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${many}\r\nContent-Length: 2\r\n\r\n{}`,
    );
    await numerous.closed;
    expect(numerous.said()).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(await work()).toBe(200);
  });

  it('answers a crowd while hundreds say nothing at all', async () => {
    const silent = Array.from({ length: 300 }, () => arrive(port));
    await Promise.all(silent.map(({ socket }) => once(socket, 'connect')));
    for (const { socket } of silent) socket.write('GET / HTTP/1.1\r\n');
    expect(await Promise.all(Array.from({ length: 20 }, work))).toEqual(Array(20).fill(200));
    await Promise.all(silent.map(({ closed }) => closed));
  });
});

describe('an edge with limits on what one may hold open', () => {
  let house: EdgeHouse;
  let saleId: string;

  beforeAll(async () => {
    house = await openEdgeHouse({
      doors: { connectionsPerAddress: 6, streamsPerAddress: 3, streamsPerBuyer: 2 },
      behindProxy: false,
    });
    saleId = await house.open();
  });
  afterAll(() => house.close());

  async function follow(path: string, headers = ''): Promise<Client> {
    const client = arrive(house.port);
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    await until('an answer', async () => client.said().includes('\r\n\r\n'));
    return client;
  }
  const status = ({ said }: Client) => Number(said().slice(9, 12));
  async function leave(...clients: Client[]): Promise<void> {
    for (const { socket } of clients) socket.destroy();
    await until('them to be gone', async () => /open_streams\{kind="sale"\} 0/.test(await metrics()));
    await until('them to be gone', async () => /open_streams\{kind="ticket"\} 0/.test(await metrics()));
  }
  async function metrics(): Promise<string> {
    return (await fetch(`${house.url}/metrics`, { headers: { Connection: 'close' } })).text();
  }

  it('refuses a stream too many of one address with 429 and when to come again, and has room when one is closed', async () => {
    const path = `/v1/sales/${saleId}/events`;
    const open = [await follow(path), await follow(path), await follow(path)];
    expect(open.map(status)).toEqual([200, 200, 200]);
    const refused = await follow(path);
    expect(status(refused)).toBe(429);
    expect(refused.said()).toMatch(/\r\nRetry-After: 5\r\n/i);
    expect(refused.said()).toContain('"rate_limited"');
    await leave(...open, refused);
    const again = await follow(path, 'X-Forwarded-For: 203.0.113.9\r\n');
    expect(status(again)).toBe(200);
    await leave(again);
    expect(await metrics()).toContain('holdfast_edge_turned_away_total{kind="stream"} 1');
  });

  it('refuses a stream too many of one buyer', async () => {
    const answer = await fetch(`${house.url}/v1/sales/${saleId}/reservations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Connection: 'close' },
      body: JSON.stringify({ buyerId: 'ann' }),
    });
    const { id } = (await answer.json()) as { id: string };
    const path = `/v1/tickets/${id}/events`;
    const open = await Promise.all([follow(path), follow(path), follow(path)]);
    expect(open.map(status).sort()).toEqual([200, 200, 429]);
    await leave(...open);
  });

  it('closes a connection too many of one address', async () => {
    const open = Array.from({ length: 6 }, () => arrive(house.port));
    await Promise.all(open.map(({ socket }) => once(socket, 'connect')));
    const tooMany = arrive(house.port);
    await tooMany.closed;
    for (const { socket } of open) socket.destroy();
    await Promise.all(open.map(({ closed }) => closed));
    const answers = await until('room again', () => metrics().catch(() => null));
    expect(answers).toMatch(/turned_away_total\{kind="connection"\} [1-9]/);
  });
});
