/**
 * The ceiling of the stack: a Hono server that does nothing. POST reads its JSON body and answers 202 with a
 * small JSON, GET answers a small JSON; no store, no check.
 */
import { Hono } from 'hono';
import { listen } from './serve.ts';

const app = new Hono();

app.post('/v1/sales/:saleId/reservations', async (c) => {
  const body = await c.req.json<{ buyerId: string }>();
  return c.json({ id: 'none', saleId: c.req.param('saleId'), status: 'queued', buyerId: body.buyerId }, 202);
});

app.get('/v1/tickets/:ticketId', (c) => c.json({ id: c.req.param('ticketId'), status: 'held', version: 2 }));

if (import.meta.main) listen(app, async () => undefined);
