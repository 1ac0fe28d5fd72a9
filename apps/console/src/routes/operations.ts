import { isProblemCode, problemKinds } from '@holdfast/contracts';
import { readiness } from '@holdfast/runtime';
import { type ConsoleContext, html, json, problemResponse } from '../answers.ts';
import type { ConsoleParts } from '../parts.ts';
import type { Route } from '../routes.ts';

/** Health, readiness, metrics and the pages of problems: what needs no key. */
export function operationRoutes(parts: ConsoleParts): Route[] {
  return [
    { method: 'GET', path: '/healthz', open: true, handle: () => json(200, { status: 'ok' }) },
    { method: 'GET', path: '/readyz', open: true, handle: () => ready(parts) },
    { method: 'GET', path: '/metrics', open: true, handle: () => metrics(parts) },
    { method: 'GET', path: '/problems/:code', open: true, handle: problemPage },
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
  return html(200, title, `<p>${detail}</p><p>Code <code>${code}</code>, HTTP status ${status}.</p>`);
}
