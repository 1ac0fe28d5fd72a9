import { addSecureHeaders, type KeyScope } from '@holdfast/contracts';
import { Hono } from 'hono';
import { type Access, type Admittance, type Caller, createAccess } from './access.ts';
import { type ConsoleContext, type ConsoleEnv, problemResponse } from './answers.ts';
import { faultCode } from './faults.ts';
import { isOwnOrigin } from './own-origin.ts';
import type { ConsoleParts } from './parts.ts';
import type { Route } from './routes.ts';
import { boardRoutes } from './routes/board.ts';
import { keyRoutes } from './routes/keys.ts';
import { liveRoutes } from './routes/live.ts';
import { operationRoutes } from './routes/operations.ts';
import { pageRoutes } from './routes/page.ts';
import { proofRoutes } from './routes/proof.ts';
import { queueRoutes } from './routes/queues.ts';
import { reservationRoutes } from './routes/reservations.ts';
import { saleRoutes } from './routes/sales.ts';
import { credentialsOf, sessionRoutes } from './routes/session.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { statisticsRoutes } from './routes/statistics.ts';

/** Every call of the console. */
export function routesOf(parts: ConsoleParts, access: Access = accessOf(parts)): Route[] {
  return [
    ...saleRoutes(parts),
    ...reservationRoutes(parts),
    ...proofRoutes(parts),
    ...statisticsRoutes(parts),
    ...queueRoutes(parts),
    ...liveRoutes(parts),
    ...keyRoutes(parts),
    ...webhookRoutes(parts),
    ...sessionRoutes(access),
    ...boardRoutes(parts),
    ...pageRoutes(parts),
    ...operationRoutes(parts),
  ];
}

/** The console over HTTP. Nothing is opened here; every dependency is handed in. */
export function createApp(parts: ConsoleParts): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  const access = accessOf(parts);
  const routes = routesOf(parts, access);
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
      const admitted = await access.admit(credentialsOf(c));
      if (admitted.kind !== 'caller') return turnedAway(c, admitted, route);
      // A change that rests on a cookie must come from the page that the cookie is for; nothing of it is done or noted.
      if (route.method !== 'GET' && admitted.by === 'session' && !isOwnOrigin(c))
        return problemResponse(c, 'forbidden');
      c.set('stillAllowed', () => mayStill(access, c, route.scope));
      const response = admitted.caller.scopes.has(route.scope)
        ? await route.handle(c)
        : problemResponse(c, 'forbidden');
      if (route.method !== 'GET') await note(access, admitted.caller, c, route, response.status);
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

function accessOf({ ledger, adminKey, log }: ConsoleParts): Access {
  return createAccess(ledger, adminKey, log);
}

function turnedAway(
  c: ConsoleContext,
  admitted: Exclude<Admittance, { kind: 'caller' }>,
  route: Route,
): Response {
  if (admitted.kind === 'wait')
    return withHeader(problemResponse(c, 'rate_limited'), 'Retry-After', String(admitted.seconds));
  // Who comes to a page without a session is shown where to sign in.
  if (isPage(route) && wantsHtml(c)) return c.redirect('/', 303) as Response;
  return withHeader(problemResponse(c, 'unauthorized'), 'WWW-Authenticate', 'Bearer realm="holdfast"');
}

function isPage({ path }: Route): boolean {
  return !path.startsWith('/v1/');
}

function wantsHtml(c: ConsoleContext): boolean {
  return c.req.header('accept')?.includes('text/html') === true;
}

/** A store that is away decides nothing: what was allowed goes on. */
async function mayStill(access: Access, c: ConsoleContext, scope: KeyScope): Promise<boolean> {
  try {
    const admitted = await access.admit(credentialsOf(c));
    return admitted.kind === 'caller' && admitted.caller.scopes.has(scope);
  } catch {
    return true;
  }
}

function note(
  access: Access,
  caller: Caller,
  c: ConsoleContext,
  { method, path: route }: Route,
  status: number,
): Promise<void> {
  return access.record(caller, { method, route, path: c.req.path, status, requestId: c.get('requestId') });
}

function finish(c: ConsoleContext, parts: ConsoleParts, elapsedMs: number): void {
  c.res.headers.set('X-Request-Id', c.get('requestId'));
  c.res.headers.set('Server-Timing', `total;dur=${elapsedMs.toFixed(1)}`);
  secure(c);
  const { method } = c.req;
  const { status } = c.res;
  const route = c.get('route');
  parts.observe({ method, route, status, seconds: elapsedMs / 1_000 });
  if (elapsedMs > parts.slowRequestMs)
    parts.log.warn({ requestId: c.get('requestId'), method, route, status, elapsedMs }, 'a slow request');
}

function secure(c: ConsoleContext): void {
  const missing: Record<string, string> = {};
  addSecureHeaders(missing, c.req.header('x-forwarded-proto'));
  for (const [name, value] of Object.entries(missing))
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
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
