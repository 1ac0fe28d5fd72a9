import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type LoadPlan, runLoad } from './load.ts';

let server: Server | null = null;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

test('each request is another buyer, and every answer is counted by its status', async () => {
  const buyers = new Set<string>();
  const port = await serve((body, turn) => {
    buyers.add((JSON.parse(body) as { buyerId: string }).buyerId);
    return { status: turn % 4 === 0 ? 202 : 409, body: '{"code":"sold_out"}' };
  });
  const report = await runLoad({ ...planFor(port), requests: 200, connections: 7 });
  expect(report.answers).toEqual({ 202: 50, 409: 150 });
  expect(report.failures).toBe(0);
  expect(buyers.size).toBe(200);
  expect([...buyers].sort()[0]).toBe('b000000995');
});

test('an answer in chunks and one without a body are whole answers', async () => {
  const port = await serve((_body, turn) => ({
    status: turn % 2 === 0 ? 204 : 200,
    body: 'x'.repeat(100_000),
    chunked: true,
  }));
  const report = await runLoad({ ...planFor(port), requests: 20, connections: 3, keepBodies: 20 });
  expect(report.answers).toEqual({ 200: 10, 204: 10 });
});

test('an open loop blames the server for the time a request waited to be sent', async () => {
  const port = await serve(() => ({ status: 200, body: '{}', delayMs: 40 }));
  const report = await runLoad({ ...planFor(port), requests: 50, connections: 1, ratePerSecond: 1_000 });
  expect(report.answers).toEqual({ 200: 50 });
  // Fifty answers of 40 ms on one connection: the last was due 1.95 s before it came.
  expect(report.latencyMs.p99).toBeGreaterThan(1_500);
});

test('a server that hangs up is a failure and not an answer', async () => {
  const port = await serve((_body, turn) => ({ status: 200, body: '{}', hangUp: turn === 5 }));
  const report = await runLoad({ ...planFor(port), requests: 20, connections: 2 });
  expect(report.failures).toBe(1);
  expect(report.answers[200]).toBe(19);
});

test('a server that is not there is a fault with its port, not a report', async () => {
  const port = await serve(() => ({ status: 200, body: '{}' }));
  const gone = once(server as Server, 'close');
  server?.close();
  await gone;
  await expect(runLoad({ ...planFor(port), connections: 3 })).rejects.toThrow(`port ${port}`);
});

interface Answer {
  status: number;
  body: string;
  chunked?: boolean;
  delayMs?: number;
  hangUp?: boolean;
}

async function serve(answerTo: (body: string, turn: number) => Answer): Promise<number> {
  let turn = 0;
  server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const answer = answerTo(body, turn++);
    if (answer.hangUp) {
      request.socket.destroy();
      return;
    }
    setTimeout(() => {
      const bytes = answer.status === 204 ? '' : answer.body;
      response.writeHead(answer.status, answer.chunked ? {} : { 'content-length': Buffer.byteLength(bytes) });
      if (answer.chunked && bytes !== '') response.write(bytes);
      response.end(answer.chunked ? undefined : bytes);
    }, answer.delayMs ?? 0);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function planFor(port: number): LoadPlan {
  return {
    host: '127.0.0.1',
    port,
    connections: 1,
    requests: 1,
    limitSeconds: 20,
    ask: { kind: 'reserve', path: '/v1/sales/s/reservations', sku: 'unit', firstBuyer: 995 },
  };
}
