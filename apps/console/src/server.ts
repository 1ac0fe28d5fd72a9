import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { problem } from '@holdfast/contracts';

/** From the first byte of a request to its last, milliseconds. */
const requestTimeoutMs = 20_000;
const headersTimeoutMs = 10_000;
const keepAliveTimeoutMs = 65_000;
const maxHeaderBytes = 16 * 1024;
/** A reader that takes nothing for so long has gone without saying so; streams that have nothing to say send a comment. */
const silentTimeoutMs = 120_000;
/** Merchants and operators are few; who needs more connections is not one of them. */
const maxConnections = 1_000;

/** The HTTP server, with limits on everything that a client could hold on to. */
export function createConsoleServer(
  fetch: (request: Request) => Response | Promise<Response>,
  silentMs = silentTimeoutMs,
): Server {
  const listener = getRequestListener(fetch, { errorHandler: badRequest });
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      connectionsCheckingInterval: 5_000,
      requireHostHeader: false,
    },
    listener,
  );
  server.maxConnections = maxConnections;
  server.setTimeout(silentMs);
  return server;
}

/** A request that is HTTP, but of which no address can be made. */
function badRequest(): Response {
  const requestId = crypto.randomUUID();
  const { status, headers, body } = problem('bad_request', requestId);
  return new Response(body, {
    status,
    headers: { ...headers, 'X-Request-Id': requestId, 'Server-Timing': 'total;dur=0' },
  });
}

/** Resolves with the port once the server listens; rejects when it cannot. */
export async function openServer(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** How long answers that are under way may take once no connection is taken any more, milliseconds. */
const finishWithinMs = 4_000;
const idleCheckMs = 50;

export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  const late = setTimeout(() => server.closeAllConnections(), finishWithinMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
