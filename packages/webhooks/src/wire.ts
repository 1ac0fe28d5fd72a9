import type { WebhookAnswer, WebhookMessage, WebhookSender, WebhookTarget } from '@holdfast/core';
import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import type { AddressRange } from './addresses.ts';
import { createConnector, NotToBeCalled, type Resolve } from './connector.ts';

export interface WireOptions {
  /** Addresses that may be called although they are not the internet's; these without TLS too. */
  allowed?: readonly AddressRange[];
  /** All of an attempt: the name, the connection, the answer's head. Milliseconds. */
  withinMs: number;
  resolve?: Resolve;
}

/** How much of an answer's body is read, and for how long: a little, so that the connection can be used again. */
const mostBodyBytes = 16 * 1024;
const bodyWithinMs = 2_000;
const mostHeaderBytes = 16 * 1024;

/** Speaks HTTP/1.1. A redirect is an answer like others: who follows it calls an address that nobody checked. */
export function createWire({ allowed = [], withinMs, resolve }: WireOptions): WebhookSender {
  const agent = new Agent({
    connect: createConnector({ allowed, connectWithinMs: withinMs, resolve }),
    maxHeaderSize: mostHeaderBytes,
    headersTimeout: withinMs,
    bodyTimeout: bodyWithinMs,
  });

  return {
    withinMs,
    async send(target, message) {
      const signal = AbortSignal.timeout(withinMs);
      try {
        const { statusCode, headers, body } = await request(target.url, {
          dispatcher: agent,
          method: 'POST',
          headers: headersOf(target, message, new Date()),
          body: message.body,
          signal,
        });
        // The head has said everything; a body that does not end, or is cut off, changes nothing.
        const bodySignal = AbortSignal.any([signal, AbortSignal.timeout(bodyWithinMs)]);
        await body.dump({ limit: mostBodyBytes, signal: bodySignal }).catch(() => undefined);
        const retryAfterMs = retryAfterOf(headers['retry-after'], Date.now());
        return { kind: 'answered', status: statusCode, ...(retryAfterMs !== null && { retryAfterMs }) };
      } catch (error) {
        return { kind: 'unanswered', why: whyOf(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

/** The headers of Standard Webhooks; while a secret is rotated, both sign. */
function headersOf(target: WebhookTarget, { id, body }: WebhookMessage, at: Date): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'Holdfast',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': target.secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}

/** Seconds, or a date, as RFC 9110 has it; null for anything else. */
export function retryAfterOf(header: string | string[] | undefined, now: number): number | null {
  if (typeof header !== 'string') return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  // Other forms that Date.parse takes are nobody's date: a negative number would be a year.
  const at = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(header)
    ? Date.parse(header)
    : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

type Why = Extract<WebhookAnswer, { kind: 'unanswered' }>['why'];

const timeouts = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
const unresolved = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'ENODATA', 'ESERVFAIL']);
const tlsCodes = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

function whyOf(error: unknown): Why {
  if (error instanceof NotToBeCalled) return error.why;
  if ((error as Error).name === 'TimeoutError') return 'timeout';
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return 'connection';
  if (timeouts.has(code)) return 'timeout';
  if (unresolved.has(code)) return 'unresolved';
  return tlsCodes.test(code) ? 'tls' : 'connection';
}
