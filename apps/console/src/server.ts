import type { Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { addSecureHeaders, type Answer, problem } from '@holdfast/contracts';
import { createHttpServer, type HttpTimes } from '@holdfast/runtime';

/** A reader that takes nothing for so long has gone without saying so; streams that have nothing to say send a comment. */
const silentTimeoutMs = 120_000;
/** Merchants and operators are few; who needs more connections is not one of them. */
const maxConnections = 1_000;

/** The HTTP server, with limits on everything that a client could hold on to. */
export function createConsoleServer(
  fetch: (request: Request) => Response | Promise<Response>,
  silentMs = silentTimeoutMs,
  times: Partial<HttpTimes> = {},
): Server {
  const listener = getRequestListener(fetch, { errorHandler: () => responseOf(badRequest()) });
  return createHttpServer(listener, { badRequest, maxConnections, silentMs, times });
}

/** What cannot be parsed as HTTP, or of which no address can be made. */
function badRequest(): Answer {
  const requestId = crypto.randomUUID();
  const answer = problem('bad_request', requestId);
  addSecureHeaders(answer.headers, undefined);
  Object.assign(answer.headers, { 'X-Request-Id': requestId, 'Server-Timing': 'total;dur=0' });
  return answer;
}

function responseOf(answer: Answer): Response {
  return new Response(answer.body, answer);
}
