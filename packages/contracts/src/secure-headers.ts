/** What an answer that is no page allows a browser to do with it: nothing. */
const closed: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  // Pages of other sites that are allowed to read an answer ask by CORS, which this does not touch.
  'Cross-Origin-Resource-Policy': 'same-origin',
};
const names = Object.keys(closed);

/** A year. Only for this host: what else is under its domain is not ours to promise for. */
const strictTransport = 'max-age=31536000';

/**
 * Completes the headers of an answer: what it did not say itself is shut. `forwardedProto` is the request's
 * `X-Forwarded-Proto`: whoever came by https shall always do so. A browser that hears it without TLS must not listen.
 */
export function addSecureHeaders(headers: Record<string, string>, forwardedProto: string | undefined): void {
  for (const name of names) headers[name] ??= closed[name] as string;
  if (forwardedProto === 'https') headers['Strict-Transport-Security'] ??= strictTransport;
}
