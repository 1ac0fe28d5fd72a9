import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { type Answer, problem } from '@holdfast/contracts';
import type { Edge } from './app.ts';
import { addCommonHeaders, type EdgeApp, nextRequestId } from './call.ts';

export interface ServerLimits {
  /** Open connections, streams included; 0 is no limit. */
  maxConnections: number;
}

const headersTimeoutMs = 10_000;
/** From the first byte of a request to its last. */
const requestTimeoutMs = 20_000;
/** Longer than what balancers keep an idle connection for (60 s), so that it is they who close it. */
const keepAliveTimeoutMs = 65_000;
const maxHeaderBytes = 16 * 1024;
const maxHeaders = 100;

/** The HTTP server with limits on everything that a client could hold on to. */
export function createEdgeServer(app: EdgeApp, limits: ServerLimits): Server {
  const listener = getRequestListener(app.fetch, { errorHandler: () => responseOf(badRequest()) });
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      connectionsCheckingInterval: 5_000,
      // Without a host the listener refuses it, with a problem that has an id; Node's own answer has neither.
      requireHostHeader: false,
      noDelay: true,
    },
    listener,
  );
  server.maxHeadersCount = maxHeaders;
  if (limits.maxConnections > 0) server.maxConnections = limits.maxConnections;
  server.on('clientError', answerBrokenRequest);
  server.on('checkExpectation', (_incoming, outgoing) => {
    const { status, headers, body } = badRequest();
    outgoing.writeHead(status, { ...headers, Connection: 'close' }).end(body);
  });
  return server;
}

/** Resolves with the port once the server listens; rejects when it cannot. */
export async function openServer(server: Server, port: number, host: string): Promise<number> {
  // Node's own backlog of 511 overflows when a crowd connects at once, and who is dropped waits for a second or more.
  server.listen({ port, host, backlog: 4_096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** How long answers that are under way may take after streams and waits have ended, milliseconds. */
const finishWithinMs = 4_000;
/** Within the time that a process has for its stop. */
const longestDrainMs = 3_000;
const idleCheckMs = 50;

/**
 * Not ready first, so that a balancer sends nobody new; then streams and waits end, no connection is taken any more,
 * each is let go when its answer is out, and the rest when the time is over.
 */
export async function closeServer(server: Server, edge: Edge, drainMs: number): Promise<void> {
  edge.drain();
  await wait(Math.min(drainMs, longestDrainMs));
  const closed = server.listening ? once(server, 'close') : Promise.resolve();
  server.close();
  edge.close();
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  const late = setTimeout(() => server.closeAllConnections(), finishWithinMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
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

const statusOfError: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What cannot be parsed as HTTP is answered all the same, with the same members as every problem. */
function answerBrokenRequest(
  error: NodeJS.ErrnoException,
  socket: Socket & { _httpMessage?: ServerResponse | null },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket._httpMessage?.headersSent === true) {
    socket.destroy();
    return;
  }
  const answer = badRequest();
  const body = answer.body ?? '';
  const headers = {
    ...answer.headers,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const status = statusOfError[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
