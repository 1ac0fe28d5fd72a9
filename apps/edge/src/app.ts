import { cancelBody, confirmBody, confirmByPaymentBody, extendBody, problem } from '@holdfast/contracts';
import type { Challenger, EdgeGate, PaymentProvider } from '@holdfast/core';
import { isFake } from '@holdfast/payments';
import { Hono } from 'hono';
import {
  createEndpoints,
  type EdgeApp,
  type EdgeContext,
  type EdgeEnv,
  type EventLog,
  type Handle,
  headerOf,
} from './call.ts';
import type { BuyerTokens } from './buyer-tokens.ts';
import { createCrossOrigin } from './cross-origin.ts';
import { createDoors, type Doors, noDoorLimits } from './doors.ts';
import { createEdgeMetrics, type EdgeMetrics, type GateTotals } from './metrics.ts';
import { createPayments } from './payments.ts';
import type { RateLimits } from './rate-limits.ts';
import { issueChallenge } from './routes/challenge.ts';
import { command, throughTheLedger } from './routes/command.ts';
import { actOnFakePayment, fakePaymentPage } from './routes/fake-payments.ts';
import { forItsOwner } from './routes/for-its-owner.ts';
import { listTickets } from './routes/my-tickets.ts';
import { healthz, readyz, showMetrics } from './routes/health.ts';
import { docs, openapi, problemPage } from './routes/pages.ts';
import { payFirst } from './routes/pay-first.ts';
import { receiveEvent } from './routes/payment-events.ts';
import { joinLobby, reserve } from './routes/reserve.ts';
import { lookInside } from './routes/inside.ts';
import { followSale, listSales, readSale } from './routes/sales.ts';
import { siteFile, sitePage } from './routes/site.ts';
import { followTicket, readTicket } from './routes/ticket.ts';
import { createSaleFeeds } from './sale-feeds.ts';
import type { Site } from './site.ts';
import { createStreams } from './streams.ts';
import { createTicketWatches } from './ticket-watch.ts';

export interface EdgeAppParts {
  gate: EdgeGate & { totals(): GateTotals };
  log: EventLog;
  corsOrigins?: readonly string[];
  /** Calls that took longer are logged, milliseconds. */
  slowRequestMs?: number;
  /** Who takes the money; null or absent: a confirm is the shop's word that it was paid. */
  payments?: PaymentProvider | null;
  /** How often somebody may ask; null or absent: as often as they like. */
  limits?: RateLimits | null;
  /** How much somebody may hold open; absent: as much as they like. */
  doors?: Doors;
  /** Who buyers are; null or absent: whoever they say. */
  tokens?: BuyerTokens | null;
  /** Sets the challenges that the gate has judged; null or absent: nobody gets into a sale that asks for one. */
  challenger?: Challenger | null;
  /** The pages for buyers; null or absent: there are none here. */
  site?: Site | null;
  /** Other edges that pages may talk to. */
  peers?: readonly string[];
  /** The process's own figures in Prometheus' text format. */
  processMetrics?: () => Promise<string>;
}

export interface Edge {
  app: EdgeApp;
  metrics: EdgeMetrics;
  doors: Doors;
  /** From now on not ready, so that a balancer sends nobody new. */
  drain(): void;
  /** Ends streams and waits: what is under way is answered with what is known. */
  close(): void;
}

/** The buyers' HTTP. Everything it knows is the gate's; it remembers nothing that a restart would lose. */
export function createEdgeApp(parts: EdgeAppParts): Edge {
  const { gate, log, corsOrigins = [], slowRequestMs = 1_000, processMetrics = async () => '' } = parts;
  const { tokens = null, limits = null, challenger = null, doors = createDoors(noDoorLimits, []) } = parts;
  const write = (handle: Handle) => limits?.writes(handle) ?? handle;
  const look = (handle: Handle) => limits?.reads(handle) ?? handle;
  const payments = parts.payments ? createPayments(parts.payments, gate, log) : null;
  const metrics = createEdgeMetrics(gate.totals, doors.counts, payments?.counts);
  const watches = createTicketWatches(gate);
  const feeds = createSaleFeeds(gate);
  const streams = createStreams(metrics.streams);
  const crossOrigin = createCrossOrigin(corsOrigins);
  let draining = false;
  const endpoint = createEndpoints({ metrics, log, crossOrigin, slowRequestMs, isDraining: () => draining });

  const owned = (handle: Handle) => (tokens === null ? handle : forItsOwner(gate, tokens, handle));

  const app = new Hono<EdgeEnv>();
  const waits = { waits: true };
  app.post(
    '/v1/sales/:saleId/reservations',
    endpoint('reserve', write(reserve(gate, watches, { tokens, limits })), waits),
  );
  app.post('/v1/sales/:saleId/lobby', endpoint('lobby', write(joinLobby(gate, { tokens, limits }))));
  app.get('/v1/sales/:saleId/challenge', endpoint('challenge', look(issueChallenge(gate, challenger))));
  app.get('/v1/tickets/:ticketId', endpoint('ticket', look(owned(readTicket(gate)))));
  app.get(
    '/v1/tickets/:ticketId/events',
    endpoint('ticket_events', look(owned(followTicket(gate, watches, streams, doors)))),
  );
  if (tokens !== null)
    app.get('/v1/sales/:saleId/tickets', endpoint('my_tickets', look(listTickets(gate, tokens))));
  const carryOut = throughTheLedger(gate, watches);
  const confirm =
    payments === null
      ? command('confirm', confirmBody, carryOut)
      : command('confirm', confirmByPaymentBody, payFirst(gate, watches, payments, carryOut));
  app.post('/v1/tickets/:ticketId/confirm', endpoint('confirm', write(owned(confirm)), waits));
  app.post(
    '/v1/tickets/:ticketId/cancel',
    endpoint('cancel', write(owned(command('cancel', cancelBody, carryOut))), waits),
  );
  app.post(
    '/v1/tickets/:ticketId/extend',
    endpoint('extend', write(owned(command('extend', extendBody, carryOut))), waits),
  );
  if (payments !== null) {
    const { provider } = payments;
    app.post(`/v1/payments/${provider.name}`, endpoint('payment_event', receiveEvent(payments)));
    if (isFake(provider)) {
      app.get('/v1/payments/fake/:clientSecret', endpoint('fake_payment', fakePaymentPage(provider)));
      app.post(
        '/v1/payments/fake/:clientSecret/:act',
        endpoint('fake_payment_act', actOnFakePayment(provider, payments)),
      );
    }
  }
  app.get('/v1/sales', endpoint('sales', look(listSales(gate))));
  app.get('/v1/sales/:saleId', endpoint('sale', look(readSale(gate))));
  app.get('/v1/sales/:saleId/events', endpoint('sale_events', look(followSale(gate, feeds, streams, doors))));
  app.get('/v1/inside', endpoint('inside', look(lookInside(gate, metrics.streams, parts.peers ?? []))));
  app.get('/healthz', endpoint('healthz', healthz()));
  app.get(
    '/readyz',
    endpoint(
      'readyz',
      readyz(gate, () => draining),
    ),
  );
  app.get('/metrics', endpoint('metrics', showMetrics(metrics, processMetrics)));
  app.get('/openapi.json', endpoint('openapi', openapi()));
  app.get('/docs', endpoint('docs', docs()));
  app.get('/problems/:code', endpoint('problem', problemPage()));
  if (parts.site != null) {
    for (const [path, byLanguage] of parts.site.pages) app.get(path, endpoint('page', sitePage(byLanguage)));
    const file = endpoint('file', siteFile(parts.site));
    for (const path of parts.site.files.keys()) app.get(path, file);
  }

  const elsewhere = endpoint('elsewhere', (c, requestId) => {
    const methods = methodsAt(app, c);
    if (methods === '') return problem('not_found', requestId);
    if (c.req.method === 'OPTIONS') return crossOrigin.preflight(methods, headerOf(c, 'origin'));
    const answer = problem('method_not_allowed', requestId);
    answer.headers['Allow'] = methods;
    return answer;
  });
  app.notFound(elsewhere);

  return {
    app,
    metrics,
    doors,
    drain() {
      draining = true;
    },
    close() {
      draining = true;
      watches.close();
      streams.close();
      feeds.close();
    },
  };
}

/** The methods that this address takes, for Allow; empty when there is nothing at it. */
function methodsAt(app: EdgeApp, c: EdgeContext): string {
  const taken = ['GET', 'POST'].filter((method) => app.router.match(method, c.req.path)[0].length > 0);
  if (taken.length === 0) return '';
  return taken.includes('GET') ? ['HEAD', ...taken, 'OPTIONS'].join(', ') : [...taken, 'OPTIONS'].join(', ');
}
