import { randomBytes } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { addSecureHeaders, type Answer, problem } from '@holdfast/contracts';
import type { Context, Hono } from 'hono';
import type { CrossOrigin } from './cross-origin.ts';
import type { EdgeMetrics } from './metrics.ts';

/** `env` is absent in tests that call the app without a server. */
export type EdgeEnv = { Bindings: Partial<HttpBindings> };
export type EdgeContext = Context<EdgeEnv>;
export type EdgeApp = Hono<EdgeEnv>;

/** An answer that may be a file's bytes, or go on for as long as it likes: `begin` is called once its headers are complete. */
export interface StreamAnswer extends Omit<Answer, 'body'> {
  body: string | Uint8Array<ArrayBuffer> | null;
  begin?: () => void;
}

/** Parses, calls one room, answers. `requestId` goes into problems and logs. */
export type Handle = (c: EdgeContext, requestId: string) => StreamAnswer | Promise<StreamAnswer>;

export interface EventLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface CallParts {
  metrics: EdgeMetrics;
  log: EventLog;
  crossOrigin: CrossOrigin;
  /** Calls that took longer are logged, milliseconds. */
  slowRequestMs: number;
  /** On the way out: every connection is let go with its next answer. */
  isDraining(): boolean;
}

export interface CallOptions {
  /** The call waits on purpose (for an outcome), so that its length says nothing. */
  waits?: boolean;
}

export type Endpoint = (
  route: string,
  handle: Handle,
  options?: CallOptions,
) => (c: EdgeContext) => Promise<Response>;

/**
 * What every call has in common: a request id, its time, CORS, metrics, and an answer whatever happens. The headers
 * are one plain object from the handler to the socket: a `Headers` costs as much as reading the body (measured), and
 * so would a chain of middleware.
 */
export function createEndpoints(parts: CallParts): Endpoint {
  const { metrics, log, crossOrigin, slowRequestMs, isDraining } = parts;

  return (route, handle, options = {}) => {
    const meter = metrics.route(route);
    const slowMs = options.waits === true ? Number.POSITIVE_INFINITY : slowRequestMs;
    return async (c) => {
      const startedAt = performance.now();
      const requestId = nextRequestId();
      let answer: StreamAnswer;
      try {
        answer = await handle(c, requestId);
      } catch (fault) {
        log.error({ requestId, route, err: fault }, 'A request failed');
        answer = problem('internal_error', requestId);
      }
      const tookMs = performance.now() - startedAt;
      meter.count(answer.status, tookMs);
      if (tookMs > slowMs)
        log.warn({ requestId, route, status: answer.status, tookMs }, 'A request was slow');
      addCommonHeaders(answer.headers, requestId, tookMs, headerOf(c, 'x-forwarded-proto'));
      crossOrigin.add(answer.headers, headerOf(c, 'origin'));
      if (isDraining()) answer.headers['Connection'] = 'close';
      if (answer.begin === undefined) return new Response(answer.body, answer);
      answer.begin();
      return RESPONSE_ALREADY_SENT;
    };
  };
}

/** Every response carries these. */
export function addCommonHeaders(
  headers: Record<string, string>,
  requestId: string,
  tookMs: number,
  forwardedProto?: string,
): void {
  addSecureHeaders(headers, forwardedProto);
  headers['X-Request-Id'] = requestId;
  headers['Server-Timing'] = `edge;dur=${Math.round(tookMs * 100) / 100}`;
}

/** A request header by its lower-case name. Node has parsed them already; going through `Headers` costs a copy. */
export function headerOf(c: EdgeContext, name: string): string | undefined {
  const incoming = c.env?.incoming;
  if (incoming === undefined) return c.req.header(name);
  const value = incoming.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Unique across processes and restarts by a random start; cheap by counting from there. */
const processPrefix = randomBytes(6).toString('base64url');
let requestsSoFar = 0;

export function nextRequestId(): string {
  requestsSoFar += 1;
  return `${processPrefix}-${requestsSoFar.toString(36)}`;
}

const jsonType = 'application/json';

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  headers['Content-Type'] = jsonType;
  return { status, headers, body: JSON.stringify(value) };
}
