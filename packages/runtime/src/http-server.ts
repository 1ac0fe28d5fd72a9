import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** How long a client may keep something of the server to itself. */
export interface HttpTimes {
  /** From the first byte of a request to the end of its headers, milliseconds. */
  headersTimeoutMs: number;
  /** From the first byte of a request to its last: a body that trickles ends here. */
  requestTimeoutMs: number;
  /** Longer than what balancers keep an idle connection for (60 s), so that it is they who close it. */
  keepAliveTimeoutMs: number;
  /** How often all of these are looked at. */
  checkEveryMs: number;
}

const usualTimes: HttpTimes = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  keepAliveTimeoutMs: 65_000,
  checkEveryMs: 5_000,
};
const maxHeaderBytes = 16 * 1024;
const maxHeaders = 100;

export interface BareAnswer {
  status: number;
  headers: Record<string, string>;
  body: string | null;
}

export interface HttpServerOptions {
  /** The answer to what cannot be parsed as HTTP, or cannot be served: the same members as every other problem. */
  badRequest(): BareAnswer;
  /** Open connections, streams included; 0 is no limit. */
  maxConnections: number;
  /** A connection on which nothing moves for so long is closed, milliseconds; 0 never. */
  silentMs?: number;
  times?: Partial<HttpTimes>;
}

/** An HTTP server with a limit on everything that a client could hold on to. */
export function createHttpServer(listener: RequestListener, options: HttpServerOptions): Server {
  const times = { ...usualTimes, ...options.times };
  const server = createServer(
    {
      headersTimeout: times.headersTimeoutMs,
      requestTimeout: times.requestTimeoutMs,
      keepAliveTimeout: times.keepAliveTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      connectionsCheckingInterval: times.checkEveryMs,
      // Without a host the listener refuses it, with a problem that has an id; Node's own answer has neither.
      requireHostHeader: false,
      noDelay: true,
    },
    listener,
  );
  server.maxHeadersCount = maxHeaders;
  if (options.maxConnections > 0) server.maxConnections = options.maxConnections;
  server.setTimeout(options.silentMs ?? 0);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
    answerBrokenRequest(error, socket, options.badRequest),
  );
  server.on('checkExpectation', (_incoming, outgoing) => {
    const { status, headers, body } = options.badRequest();
    outgoing.writeHead(status, { ...headers, Connection: 'close' }).end(body);
  });
  return server;
}

/** Resolves with the port once the server listens; rejects when it cannot. */
export async function openHttpServer(server: Server, port: number, host: string): Promise<number> {
  // Node's own backlog of 511 overflows when a crowd connects at once, and who is dropped waits for a second or more.
  server.listen({ port, host, backlog: 4_096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** How long answers that are under way may take once no connection is taken any more, milliseconds. */
const finishWithinMs = 4_000;
/** Within the time that a process has for its stop. */
const longestDrainMs = 3_000;
const idleCheckMs = 50;

export interface Draining {
  /** How long the server still takes connections, at most 3,000 ms, so that a balancer sees that it is not ready. */
  drainMs?: number;
  /** Called at once: from now on not ready. */
  drain?(): void;
  /** Called when no connection is taken any more: streams and waits end. */
  close?(): void;
}

/** Each connection is let go when its answer is out, and the rest when the time is over. */
export async function closeHttpServer(server: Server, draining: Draining = {}): Promise<void> {
  draining.drain?.();
  await wait(Math.min(draining.drainMs ?? 0, longestDrainMs));
  const closed = server.listening ? once(server, 'close') : Promise.resolve();
  server.close();
  draining.close?.();
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  const late = setTimeout(() => server.closeAllConnections(), finishWithinMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}

const statusOfError: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function answerBrokenRequest(
  error: NodeJS.ErrnoException,
  socket: Socket & { _httpMessage?: ServerResponse | null },
  badRequest: () => BareAnswer,
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
  // Who is answered and does not go is cut off: a socket that was only ended could be kept half open for ever.
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () =>
    setTimeout(() => socket.destroy(), lingerMs).unref(),
  );
}

/** Long enough to read the answer in. */
const lingerMs = 1_000;
