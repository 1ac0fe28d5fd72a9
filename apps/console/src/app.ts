import { Hono } from 'hono';
import { createAccess } from './access.ts';
import { type ConsoleContext, type ConsoleEnv, problemResponse } from './answers.ts';
import { faultCode } from './faults.ts';
import type { ConsoleParts } from './parts.ts';
import type { Route } from './routes.ts';
import { keyRoutes } from './routes/keys.ts';
import { operationRoutes } from './routes/operations.ts';
import { proofRoutes } from './routes/proof.ts';
import { queueRoutes } from './routes/queues.ts';
import { reservationRoutes } from './routes/reservations.ts';
import { saleRoutes } from './routes/sales.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { statisticsRoutes } from './routes/statistics.ts';

/** Every call of the console. */
export function routesOf(parts: ConsoleParts): Route[] {
  return [
    ...saleRoutes(parts),
    ...reservationRoutes(parts),
    ...proofRoutes(parts),
    ...statisticsRoutes(parts),
    ...queueRoutes(parts),
    ...keyRoutes(parts),
    ...webhookRoutes(parts),
    ...operationRoutes(parts),
  ];
}

/** The console over HTTP. Nothing is opened here; every dependency is handed in. */
export function createApp(parts: ConsoleParts): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  const access = createAccess(parts.ledger, parts.adminKey, parts.log);
  const routes = routesOf(parts);
  app.use('*', async (c, next) => {
    const startedAt = performance.now();
    c.set('requestId', crypto.randomUUID());
    c.set('route', 'none');
    await next();
    finish(c, parts, performance.now() - startedAt);
  });
  for (const route of routes) {
    app.on(route.method, route.path, async (c) => {
      c.set('route', route.path);
      if ('open' in route) return route.handle(c);
      const caller = await access.callerOf(c.req.header('authorization'));
      if (caller === null) return unauthorized(c);
      const response = caller.scopes.has(route.scope)
        ? await route.handle(c)
        : problemResponse(c, 'forbidden');
      if (route.method !== 'GET') {
        const { path } = c.req;
        const { status } = response;
        await access.record(caller, {
          method: route.method,
          route: route.path,
          path,
          status,
          requestId: c.get('requestId'),
        });
      }
      return response;
    });
  }
  for (const [path, methods] of methodsPerPath(routes)) {
    app.all(path, (c) => {
      c.set('route', path);
      return withHeader(problemResponse(c, 'method_not_allowed'), 'Allow', methods.join(', '));
    });
  }
  app.notFound((c) => problemResponse(c, 'not_found'));
  app.onError((error, c) => {
    const code = faultCode(error);
    const fields = { requestId: c.get('requestId'), route: c.get('route'), err: error };
    if (code === 'internal_error') parts.log.error(fields, 'a request failed');
    else parts.log.warn(fields, 'a request met a store that is away');
    return problemResponse(c, code);
  });
  return app;
}

function unauthorized(c: ConsoleContext): Response {
  return withHeader(problemResponse(c, 'unauthorized'), 'WWW-Authenticate', 'Bearer realm="holdfast"');
}

function finish(c: ConsoleContext, parts: ConsoleParts, elapsedMs: number): void {
  c.res.headers.set('X-Request-Id', c.get('requestId'));
  c.res.headers.set('Server-Timing', `total;dur=${elapsedMs.toFixed(1)}`);
  c.res.headers.set('X-Content-Type-Options', 'nosniff');
  const { method } = c.req;
  const { status } = c.res;
  const route = c.get('route');
  parts.observe({ method, route, status, seconds: elapsedMs / 1_000 });
  if (elapsedMs > parts.slowRequestMs)
    parts.log.warn({ requestId: c.get('requestId'), method, route, status, elapsedMs }, 'a slow request');
}

function methodsPerPath(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { method, path } of routes) {
    const also = method === 'GET' ? ['GET', 'HEAD'] : [method];
    methods.set(path, [...(methods.get(path) ?? []), ...also]);
  }
  return methods;
}

function withHeader(response: Response, name: string, value: string): Response {
  response.headers.set(name, value);
  return response;
}
