import { isProblemCode, problemKinds } from '@holdfast/contracts';
import { readiness } from '@holdfast/runtime';
import { type ConsoleContext, json, problemResponse } from '../answers.ts';
import type { ConsoleParts } from '../parts.ts';
import type { Route } from '../routes.ts';

/** Health, readiness, metrics and the pages: what needs no key. */
export function operationRoutes(parts: ConsoleParts): Route[] {
  return [
    { method: 'GET', path: '/healthz', open: true, handle: () => json(200, { status: 'ok' }) },
    { method: 'GET', path: '/readyz', open: true, handle: () => ready(parts) },
    { method: 'GET', path: '/metrics', open: true, handle: () => metrics(parts) },
    { method: 'GET', path: '/problems/:code', open: true, handle: problemPage },
    { method: 'GET', path: '/', open: true, handle: () => html(200, front) },
  ];
}

async function ready({ dependencies, stopping }: ConsoleParts): Promise<Response> {
  const state = await readiness(dependencies);
  const ok = state.ready && !stopping.aborted;
  return json(ok ? 200 : 503, { status: ok ? 'ready' : 'not_ready', dependencies: state.dependencies });
}

async function metrics({ metrics: { contentType, text } }: ConsoleParts): Promise<Response> {
  return new Response(await text(), {
    headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store' },
  });
}

function problemPage(c: ConsoleContext): Response {
  const code = c.req.param('code') ?? '';
  if (!isProblemCode(code)) return problemResponse(c, 'not_found');
  const { title, status, detail } = problemKinds[code];
  return html(200, page(title, `<p>${detail}</p><p>Code <code>${code}</code>, HTTP status ${status}.</p>`));
}

function html(status: number, text: string): Response {
  return new Response(text, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'Cache-Control': 'no-cache',
    },
  });
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style>
</head><body><h1>${title}</h1>${body}</body></html>
`;
}

const front = page(
  'Holdfast console',
  `<p>The private side: sales, stock, audit and queues, with <code>Authorization: Bearer &lt;key&gt;</code>.</p>
<ul>
<li><a href="/v1/sales">/v1/sales</a></li>
<li><a href="/v1/queues">/v1/queues</a> and <a href="/v1/queues/events">/v1/queues/events</a></li>
<li><a href="/readyz">/readyz</a>, <a href="/healthz">/healthz</a>, <a href="/metrics">/metrics</a> (no key)</li>
</ul>`,
);
