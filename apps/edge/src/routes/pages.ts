import { type Answer, isProblemCode, problem, problemKinds } from '@holdfast/contracts';
import { type Handle, json } from '../call.ts';
import { docsPage } from '../docs-page.ts';
import { edgeDocument } from '../openapi.ts';

const aDay = 'public, max-age=86400';
const fiveMinutes = 'public, max-age=300';

/** `GET /openapi.json` */
export function openapi(): Handle {
  const document = edgeDocument();
  return () => json(200, document, { 'Cache-Control': fiveMinutes });
}

/** `GET /docs`: the contract as a page, made here once; it loads nothing from anywhere. */
export function docs(): Handle {
  const page = docsPage(edgeDocument());
  return () => html(page, fiveMinutes);
}

/** `GET /problems/{code}`: the page that the `type` of a problem leads to. */
export function problemPage(): Handle {
  return (c, requestId) => {
    const code = c.req.param('code') ?? '';
    if (!isProblemCode(code)) return problem('not_found', requestId);
    const { status, title, detail } = problemKinds[code];
    return html(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>` +
        `<h1>${title}</h1><p><code>${code}</code>, HTTP status ${status}</p><p>${detail}</p><p><a href="/docs">All calls</a></p></html>`,
      aDay,
    );
  };
}

function html(body: string, cacheControl: string): Answer {
  return {
    status: 200,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'Cache-Control': cacheControl,
    },
    body,
  };
}
