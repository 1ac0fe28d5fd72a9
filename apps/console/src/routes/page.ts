import { type ConsoleContext, html, problemResponse } from '../answers.ts';
import type { PageFile } from '../page-files.ts';
import type { ConsoleParts } from '../parts.ts';
import type { Route } from '../routes.ts';

/** The dashboard: files that need no key, since what they show does. */
export function pageRoutes({ page }: ConsoleParts): Route[] {
  return [
    { method: 'GET', path: '/', open: true, handle: (c) => front(c, page.get('index.html')) },
    {
      method: 'GET',
      path: '/assets/:name',
      open: true,
      handle: (c) => asset(c, page.get(`assets/${c.req.param('name')}`)),
    },
  ];
}

/** Nothing from another host, no script that is not a file of ours, and no frame around it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

function front(c: ConsoleContext, file: PageFile | undefined): Response {
  if (file === undefined)
    return html(503, 'The page is not built', '<p>Build it with <code>npm run build</code>.</p>');
  return sent(c, file, {
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': contentSecurityPolicy,
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
  });
}

/** Their names change with their content. */
function asset(c: ConsoleContext, file: PageFile | undefined): Response {
  return file === undefined
    ? problemResponse(c, 'not_found')
    : sent(c, file, { 'Cache-Control': 'public, max-age=31536000, immutable' });
}

function sent(c: ConsoleContext, file: PageFile, headers: Record<string, string>): Response {
  const common = { ...headers, ETag: file.etag, Vary: 'Accept-Encoding' };
  if (c.req.header('if-none-match') === file.etag)
    return new Response(null, { status: 304, headers: common });
  const packs = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  const [body, encoding] = packs && file.gzipped !== null ? [file.gzipped, 'gzip'] : [file.bytes, null];
  return new Response(body, {
    headers: {
      ...common,
      'Content-Type': file.contentType,
      ...(encoding !== null && { 'Content-Encoding': encoding }),
    },
  });
}
