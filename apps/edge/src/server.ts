import type { Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { type Answer, problem } from '@holdfast/contracts';
import { closeHttpServer, createHttpServer, type HttpTimes } from '@holdfast/runtime';
import type { Edge } from './app.ts';
import { addCommonHeaders, nextRequestId } from './call.ts';

export interface ServerLimits {
  /** Open connections, streams included; 0 is no limit. */
  maxConnections: number;
  /** Shorter ones, for tests. */
  times?: Partial<HttpTimes>;
}

/** A reader that takes nothing for so long has gone without saying so; streams that have nothing to say send a comment. */
const silentMs = 120_000;

/** The HTTP server with limits on everything that a client could hold on to. */
export function createEdgeServer({ app, doors }: Edge, { maxConnections, times = {} }: ServerLimits): Server {
  const listener = getRequestListener(app.fetch, { errorHandler: () => responseOf(badRequest()) });
  const server = createHttpServer(listener, { badRequest, maxConnections, silentMs, times });
  server.on('connection', doors.connected);
  server.on('drop', doors.dropped);
  return server;
}

/**
 * Not ready first, so that a balancer sends nobody new; then streams and waits end, no connection is taken any more,
 * each is let go when its answer is out, and the rest when the time is over.
 */
export function closeServer(server: Server, edge: Edge, drainMs: number): Promise<void> {
  return closeHttpServer(server, { drainMs, drain: edge.drain, close: edge.close });
}

/** A request that is HTTP, but of which no address can be made. */
function badRequest(): Answer {
  const requestId = nextRequestId();
  const answer = problem('bad_request', requestId);
  addCommonHeaders(answer.headers, requestId, 0);
  return answer;
}

function responseOf(answer: Answer): Response {
  return new Response(answer.body, answer);
}
