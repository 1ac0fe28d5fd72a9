import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import type { Ticket } from './ticket.ts';

describe('the SDK', () => {
  it('asks again with the same Idempotency-Key when the answer is lost or the gate is closed', async () => {
    const keys: unknown[] = [];
    const client = await clientOf((request, response) => {
      keys.push(request.headers['idempotency-key']);
      if (keys.length === 1) return void request.socket.destroy();
      if (keys.length === 2) return problem(response, 503, 'gate_unavailable', { 'Retry-After': '0' });
      json(response, 200, ticket({}), { 'Idempotent-Replayed': 'true' });
    });
    const answer = await client.reserve('sale', { buyerId: 'ada' });
    expect(answer).toMatchObject({ kind: 'ticket', replayed: true, ticket: { id: 't1' } });
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it('returns a refusal with its code and never asks again for it', async () => {
    let asked = 0;
    const client = await clientOf((_, response) => {
      asked += 1;
      problem(response, 409, 'sold_out');
    });
    expect(await client.reserve('sale', { buyerId: 'ada' })).toMatchObject({
      kind: 'refused',
      code: 'sold_out',
      status: 409,
    });
    expect(asked).toBe(1);
  });

  it('tells how to pay where a provider takes the money, and that there is nothing to pay where none does', async () => {
    const payment = { provider: 'stripe', clientSecret: 'pi_1_secret_1', status: 'open', payUrl: null };
    const held = ticket({ status: 'held', version: 2 });
    const paying = await clientOf((_, response) => json(response, 202, { ...held, payment } as Ticket));
    expect(await paying.confirm('t1')).toEqual({ kind: 'ticket', ticket: held, replayed: false, payment });
    const confirmed = ticket({ status: 'confirmed', version: 3 });
    const client = await clientOf((_, response) => json(response, 200, confirmed));
    expect(await client.confirm('t1')).toMatchObject({ ticket: confirmed, payment: null });
  });

  it('throws when the server stays away, with the reason as cause', async () => {
    const client = await clientOf((_, response) =>
      problem(response, 503, 'gate_unavailable', { 'Retry-After': '0' }),
    );
    await expect(client.ticket('t1')).rejects.toMatchObject({
      name: 'HoldfastUnreachable',
      cause: expect.objectContaining({ message: 'answered 503' }),
    });
  });

  it('watches by stream, each version once, and stops at a final state', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(
        frame(ticket({})) +
          frame(ticket({})) +
          ': still here\n\n' +
          frame(ticket({ status: 'held', version: 2 })).slice(0, 20),
      );
      response.end(
        frame(ticket({ status: 'held', version: 2 })).slice(20) +
          frame(ticket({ status: 'confirmed', version: 3 })),
      );
    });
    expect(await seen(client.watchTicket('t1'))).toEqual(['queued', 'held', 'confirmed']);
  });

  it('tells how the line before the buyer gets shorter, and never an older state', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const states = [
        { ahead: 9 },
        { ahead: 4 },
        { version: 3, status: 'held' },
        { version: 2 },
        { version: 4, status: 'expired' },
      ];
      response.end((states as Partial<Ticket>[]).map((state) => frame(ticket(state))).join(''));
    });
    const ahead: string[] = [];
    for await (const one of client.watchTicket('t1'))
      if (!('kind' in one)) ahead.push(`${one.status} ${one.ahead}`);
    expect(ahead).toEqual(['queued 9', 'queued 4', 'held 0', 'expired 0']);
  });

  it('goes on by polling when streams do not get through', async () => {
    let polls = 0;
    const client = await clientOf((request, response) => {
      if (request.url?.endsWith('/events')) return void request.socket.destroy();
      polls += 1;
      const headers = { ETag: `"${Math.min(polls, 3)}"`, 'Retry-After': '0' };
      if (polls === 2) expect(request.headers['if-none-match']).toBe('"1"');
      if (polls === 2) return void response.writeHead(304, headers).end();
      json(response, 200, polls === 1 ? ticket({}) : ticket({ status: 'expired', version: 3 }), headers);
    });
    expect(await seen(client.watchTicket('t1'))).toEqual(['queued', 'expired']);
  });

  it('says that a ticket is unknown, once, and ends', async () => {
    const client = await clientOf((_, response) => problem(response, 404, 'unknown_ticket'));
    expect(await seen(client.watchTicket('t1'))).toEqual(['unknown_ticket']);
    expect(await seen(client.watchTicket('t1', { by: 'poll' }))).toEqual(['unknown_ticket']);
  });

  it('stops watching when the caller does', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(frame(ticket({})));
    });
    const given = new AbortController();
    const watch = async () => {
      for await (const _ of client.watchTicket('t1', { signal: given.signal }))
        given.abort(new Error('page left'));
    };
    await expect(watch()).rejects.toThrow('page left');
  });
});

describe('a client that looks at sales', () => {
  it('follows a sale by stream, and by polling once streams do not get through; a repeat is no news', async () => {
    let streams = 0;
    let polls = 0;
    const client = await clientOf((request, response) => {
      if (request.url?.endsWith('/events')) {
        streams += 1;
        if (streams > 1) return void request.socket.destroy();
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        return void response.end(`event: sale\nid: 1\ndata: ${JSON.stringify({ id: 'sale', left: 9 })}\n\n`);
      }
      polls += 1;
      json(response, 200, { id: 'sale', left: polls < 3 ? 8 : 7 });
    });
    const left: unknown[] = [];
    for await (const seen of client.watchSale('sale')) {
      left.push((seen as unknown as { left: number }).left);
      if (left.length === 3) break;
    }
    expect([left, streams]).toEqual([[9, 8, 7], 3]);
  });

  it('says once that a sale is unknown, and ends', async () => {
    const client = await clientOf((_, response) => problem(response, 404, 'unknown_sale'));
    for (const by of ['stream', 'poll'] as const) {
      const codes: string[] = [];
      for await (const seen of client.watchSale('none', { by }))
        codes.push('kind' in seen ? seen.code : seen.id);
      expect(codes).toEqual(['unknown_sale']);
    }
    expect(await client.sale('none')).toMatchObject({ kind: 'refused', code: 'unknown_sale' });
    expect(await client.sales()).toMatchObject({ kind: 'refused' });
  });

  it('asks for as much more time as is wanted, or for what there is', async () => {
    const bodies: string[] = [];
    const client = await clientOf((request, response) => {
      expect(request.url).toBe('/v1/tickets/t1/extend');
      request.on('data', (piece) => bodies.push(String(piece)));
      request.on('end', () => json(response, 200, ticket({ status: 'held', version: 3 })));
    });
    await client.extend('t1', { seconds: 60 });
    expect(await client.extend('t1')).toMatchObject({ kind: 'ticket', ticket: { version: 3 } });
    expect(bodies).toEqual(['{"seconds":60}', '{}']);
  });
});

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A client of a server that answers as the test says: what is tried here is a network that misbehaves. */
async function clientOf(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const listening = createServer(answer).listen(0, '127.0.0.1');
  server = listening;
  await new Promise((resolve) => listening.once('listening', resolve));
  return createClient({
    baseUrl: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`,
    attempts: 3,
  });
}

async function seen(watch: ReturnType<ReturnType<typeof createClient>['watchTicket']>): Promise<string[]> {
  const states: string[] = [];
  for await (const one of watch) states.push('kind' in one ? one.code : one.status);
  return states;
}

function ticket(changed: Partial<Ticket>): Ticket {
  const lines = [{ sku: 'tee', quantity: 1, unitPriceMinor: 4900 }];
  const times = { reservedAt: '2026-11-21T04:00:00.000Z', expiresAt: null, extensions: null };
  const terms = { saleId: 'sale', buyerId: 'ada', lines, totalMinor: 4900, currency: 'EUR', ...times };
  return {
    id: 't1',
    status: 'queued',
    version: 1,
    seq: 1,
    ahead: 0,
    reason: null,
    receipt: '1.1.ab',
    ...terms,
    ...changed,
  };
}

function frame(data: Ticket): string {
  return `event: ticket\nid: ${data.version}\ndata: ${JSON.stringify(data)}\n\n`;
}

function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function problem(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  const body = { type: `/problems/${code}`, title: code, status, code };
  response
    .writeHead(status, { 'Content-Type': 'application/problem+json', ...headers })
    .end(JSON.stringify(body));
}
