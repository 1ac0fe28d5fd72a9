/**
 * The server in front of every peer: the same stack as the edge (Hono on @hono/node-server), the same request
 * and the same kind of answers, so that only the idea behind it differs.
 */
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';

export interface PeerSettings {
  databaseUrl: string;
  redisUrl: string;
}

export interface Wish {
  saleId: string;
  buyerId: string;
  sku: string;
  quantity: number;
}

/** `busy`: the peer gave up retrying; the buyer may try again. */
export type Reserved =
  | { outcome: 'held'; ticketId: string }
  | { outcome: 'queued'; ticketId: string }
  | { outcome: 'sold_out' }
  | { outcome: 'busy' };

export interface Peer {
  openSale(saleId: string, sku: string, stock: number): Promise<void>;
  reserve(wish: Wish, waitSeconds: number): Promise<Reserved>;
  close(): Promise<void>;
}

/** Starts the peer this process was made for, and tells the parent its port. */
export async function servePeer(start: (settings: PeerSettings) => Promise<Peer>): Promise<void> {
  const settings = JSON.parse(process.argv[2] ?? '{}') as PeerSettings;
  const peer = await start(settings);
  const app = new Hono();

  app.post('/v1/sales', async (c) => {
    const sale = await c.req.json<{ id: string; sku: string; stock: number }>();
    await peer.openSale(sale.id, sale.sku, sale.stock);
    return c.json({ id: sale.id }, 201);
  });

  app.post('/v1/sales/:saleId/reservations', async (c) => {
    const wish = readWish(c.req.param('saleId'), await c.req.json());
    if (wish === null) return problem(c, 422, 'invalid_body');
    const reserved = await peer.reserve(wish, readWaitSeconds(c));
    switch (reserved.outcome) {
      case 'held':
        return c.json(ticket(wish, reserved.ticketId, 'held'), 201);
      case 'queued':
        return c.json(ticket(wish, reserved.ticketId, 'queued'), 202);
      case 'sold_out':
        return problem(c, 409, 'sold_out');
      case 'busy':
        return problem(c, 503, 'busy');
    }
  });

  app.onError((error, c) => {
    console.error(error);
    return problem(c, 500, 'fault');
  });

  listen(app, () => peer.close());
}

/** Listens on a free port, tells it to the parent, and ends with the parent. */
export function listen(app: Hono, close: () => Promise<void>): void {
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
    process.send?.({ port }),
  );
  const end = () => {
    server.close();
    void close().finally(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('disconnect', end);
}

function readWish(saleId: string, body: unknown): Wish | null {
  const { buyerId, lines } = body as { buyerId?: unknown; lines?: { sku?: unknown; quantity?: unknown }[] };
  const line = Array.isArray(lines) ? lines[0] : undefined;
  if (typeof buyerId !== 'string' || typeof line?.sku !== 'string') return null;
  if (!Number.isInteger(line.quantity) || (line.quantity as number) < 1) return null;
  return { saleId, buyerId, sku: line.sku, quantity: line.quantity as number };
}

function readWaitSeconds(c: Context): number {
  const wait = /wait=(\d+)/.exec(c.req.header('prefer') ?? '');
  return wait === null ? 0 : Number(wait[1]);
}

function ticket(wish: Wish, ticketId: string, status: 'held' | 'queued') {
  const lines = [{ sku: wish.sku, quantity: wish.quantity }];
  return { id: ticketId, saleId: wish.saleId, status, buyerId: wish.buyerId, lines };
}

function problem(c: Context, status: 409 | 422 | 500 | 503, code: string): Response {
  const body = { type: `/problems/${code}`, title: code, status, code };
  return c.body(JSON.stringify(body), status, { 'content-type': 'application/problem+json' });
}
