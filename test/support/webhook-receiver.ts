import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call that arrived whole, whatever was answered. */
export interface Arrival {
  path: string;
  id: string;
  headers: Record<string, string>;
  body: string;
  message: { type: string; timestamp: string; data: Record<string, any> };
}

export type Answer = number | ((response: ServerResponse, arrival: Arrival) => void);

/** A merchant's own system: somebody else's, so it may be played. It speaks real HTTP. */
export interface WebhookReceiver {
  /** Of a path on it. */
  url(path?: string): string;
  arrivals: Arrival[];
  /** The most calls for one path and sale that were under way at the same time. */
  mostAtOnce: number;
  connections: number;
  /** What each call is answered: a status, or whatever is done to the response. */
  answer: (arrival: Arrival) => Answer | Promise<Answer>;
  /** Goes away, and comes back at the same address. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function openWebhookReceiver(host = '127.0.0.1'): Promise<WebhookReceiver> {
  let server: Server;
  let port = 0;
  const underWay = new Map<string, number>();
  const receiver: WebhookReceiver = {
    url: (path = '/') => `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    arrivals: [],
    mostAtOnce: 0,
    connections: 0,
    answer: () => 204,
    async leave() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
    comeBack: listen,
    async close() {
      if (server.listening) await receiver.leave();
    },
  };

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const headers = request.headers as Record<string, string>;
    const message = JSON.parse(body);
    const arrival = { path: request.url ?? '', id: headers['webhook-id'] ?? '', headers, body, message };
    receiver.arrivals.push(arrival);
    const line = `${arrival.path} ${message.data.saleId}`;
    underWay.set(line, (underWay.get(line) ?? 0) + 1);
    receiver.mostAtOnce = Math.max(receiver.mostAtOnce, underWay.get(line) ?? 0);
    const answer = await receiver.answer(arrival);
    underWay.set(line, (underWay.get(line) ?? 0) - 1);
    if (typeof answer === 'number') response.writeHead(answer).end();
    else answer(response, arrival);
  }

  async function listen(): Promise<void> {
    server = createServer((request, response) => void take(request, response).catch(() => request.destroy()));
    server.on('connection', () => void (receiver.connections += 1));
    server.listen(port, host);
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  }

  await listen();
  return receiver;
}
