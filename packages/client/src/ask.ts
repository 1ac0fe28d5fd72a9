import type { RefusalCode, Refused } from './ticket.ts';

/** A fault of the world that outlived its retries: no connection, or 5xx, 429 or 408 until the end. */
export class HoldfastUnreachable extends Error {
  override name = 'HoldfastUnreachable';
}

export interface AskSettings {
  baseUrl: string;
  fetch: typeof globalThis.fetch;
  /** How often a request is made in all. */
  attempts: number;
  /** A single request's deadline. */
  timeoutMs: number;
  /** Sent with every request. */
  headers(): Promise<Record<string, string>>;
}

/**
 * One request until it has an answer. 5xx, 429, 408 and network faults are tried again after what `Retry-After`
 * says, or after a growing, jittered pause; always the very same request with the same headers, so a repeat with an
 * Idempotency-Key can take nothing twice.
 * Throws `HoldfastUnreachable`, or the signal's reason when the caller gave up.
 */
export async function ask(
  settings: AskSettings,
  path: string,
  init: RequestInit,
  signal?: AbortSignal,
): Promise<Response> {
  let cause: unknown;
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    let waitMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
    try {
      const response = await askOnce(settings, path, init, signal);
      if (response.status < 500 && response.status !== 408 && response.status !== 429) return response;
      cause = new Error(`answered ${response.status}`);
      waitMs = retryAfterMs(response) ?? waitMs;
      await response.body?.cancel();
    } catch (fault) {
      signal?.throwIfAborted();
      cause = fault;
    }
    if (attempt >= settings.attempts) {
      throw new HoldfastUnreachable(`no answer at ${path}`, { cause });
    }
    await pause(waitMs * (1 + Math.random() / 2), signal);
  }
}

/** The problem document of a refusal. Throws when the answer is none: then something else than Holdfast answered. */
export async function refusalOf(response: Response): Promise<Refused> {
  const problem: unknown = await response.json().catch(() => undefined);
  if (!isFields(problem) || typeof problem['code'] !== 'string') {
    throw new HoldfastUnreachable(`answered ${response.status} without a problem`);
  }
  const detail = String(problem['detail'] ?? problem['title'] ?? problem['code']);
  return { kind: 'refused', code: problem['code'] as RefusalCode, status: response.status, detail, problem };
}

export function salePath(saleId: string, rest = ''): string {
  return `/v1/sales/${encodeURIComponent(saleId)}${rest}`;
}

export function ticketPath(ticketId: string, rest = ''): string {
  return `/v1/tickets/${encodeURIComponent(ticketId)}${rest}`;
}

/** Waits that long, or rejects with the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', aborted, { once: true });
  });
}

export function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  return seconds >= 0 ? seconds * 1_000 : undefined;
}

/** Busy, and a connection that was closed for idleness just as it was used. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** The deadline covers the answer's head; bodies are small, or streams that have a deadline of their own. */
async function askOnce(
  settings: AskSettings,
  path: string,
  init: RequestInit,
  signal?: AbortSignal,
): Promise<Response> {
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new Error(`no answer in ${settings.timeoutMs} ms`)),
    settings.timeoutMs,
  );
  const signals = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
  try {
    const headers = {
      ...(await settings.headers()),
      ...(init.headers as Record<string, string> | undefined),
    };
    return await settings.fetch(settings.baseUrl + path, { ...init, headers, signal: signals });
  } finally {
    clearTimeout(timer);
  }
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
