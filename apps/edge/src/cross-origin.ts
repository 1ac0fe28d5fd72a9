import type { Answer } from '@holdfast/contracts';

/** What a page on another site may see of an answer, so that the button works there. */
const exposed = [
  'Location',
  'ETag',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Idempotent-Replayed',
  'X-Request-Id',
  'Server-Timing',
].join(', ');
const allowedHeaders =
  'Content-Type, Idempotency-Key, Prefer, Challenge-Solution, If-None-Match, Last-Event-ID, Ticket-Receipt, Authorization';
const preflightSeconds = 600;

export interface CrossOrigin {
  /** Adds what the page at `origin` needs, if it is one of those that are allowed. */
  add(headers: Record<string, string>, origin: string | undefined): void;
  /** The answer to OPTIONS of an address that takes `methods`. */
  preflight(methods: string, origin: string | undefined): Answer;
}

/** `origins` as in `CORS_ORIGINS`: exact origins, or `*` for every site. */
export function createCrossOrigin(origins: readonly string[]): CrossOrigin {
  const everyone = origins.includes('*');
  const allowed = new Set(origins);

  function add(headers: Record<string, string>, origin: string | undefined): void {
    if (allowed.size === 0) return;
    if (!everyone) headers['Vary'] = headers['Vary'] === undefined ? 'Origin' : `${headers['Vary']}, Origin`;
    if (origin === undefined || !(everyone || allowed.has(origin))) return;
    headers['Access-Control-Allow-Origin'] = everyone ? '*' : origin;
    headers['Access-Control-Expose-Headers'] = exposed;
  }

  return {
    add,
    preflight(methods, origin) {
      const headers: Record<string, string> = { Allow: methods };
      if (origin !== undefined && (everyone || allowed.has(origin))) {
        headers['Access-Control-Allow-Methods'] = methods;
        headers['Access-Control-Allow-Headers'] = allowedHeaders;
        headers['Access-Control-Max-Age'] = String(preflightSeconds);
      }
      return { status: 204, headers, body: null };
    },
  };
}
