import type { ConsoleContext } from './answers.ts';

/**
 * Whether a call comes from the console's own page. A cookie comes along with whatever a browser sends, so a change that
 * rests on one has to say where it was made; no browser lets a page lie about that. The scheme is not compared: behind
 * a proxy that ends TLS this process does not know it.
 */
export function isOwnOrigin(c: ConsoleContext): boolean {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin') return false;
  const origin = URL.parse(c.req.header('origin') ?? '');
  return origin !== null && origin.host !== '' && origin.host === c.req.header('host');
}
