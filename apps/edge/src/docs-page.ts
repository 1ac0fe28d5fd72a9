import type { Part } from '@holdfast/contracts';

interface Operation {
  summary: string;
  parameters?: { name: string; in: string; description?: string }[];
  requestBody?: unknown;
  responses: Record<string, { description: string }>;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/**
 * An OpenAPI document as one HTML page without script. The usual viewer brings 299 packages and 243 MB (counted), for a
 * dozen calls; this is what a reader needs, and openapi.json is there for every other tool.
 */
export function docsPage(document: Part): string {
  const info = document['info'] as { title: string; description: string };
  const paths = document['paths'] as Record<string, Record<string, unknown>>;
  const components = document['components'] as { schemas: Record<string, unknown> };
  const calls = Object.entries(paths).flatMap(([path, entry]) =>
    methods
      .filter((method) => method in entry)
      .map((method) => callSection(method, path, entry[method] as Operation, entry)),
  );
  const shapes = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<section id="${escape(name)}"><h3>${escape(name)}</h3><pre>${escape(JSON.stringify(schema, null, 2))}</pre></section>`,
  );
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escape(info.title)}</title><style>${style}</style>`,
    `<h1>${escape(info.title)}</h1><p>${escape(info.description)}</p><p>For tools: <code>/openapi.json</code></p>`,
    `<h2>Calls</h2>${calls.join('')}<h2>Shapes</h2>${shapes.join('')}</html>`,
  ].join('');
}

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}' +
  'section{border-top:1px solid #8884;padding:.5rem 0}pre{overflow:auto;font-size:.85rem}td{padding:.1rem .8rem .1rem 0;vertical-align:top}';

function callSection(
  method: string,
  path: string,
  operation: Operation,
  entry: Record<string, unknown>,
): string {
  const shared = (entry['parameters'] as Operation['parameters']) ?? [];
  const parameters = [...shared, ...(operation.parameters ?? [])];
  const body = bodyName(operation);
  return [
    `<section><h3><code>${method.toUpperCase()} ${escape(path)}</code></h3><p>${escape(operation.summary)}</p>`,
    body === null ? '' : `<p>Body: <a href="#${escape(body)}">${escape(body)}</a></p>`,
    table(parameters.map((parameter) => [parameter.name, parameter.in, parameter.description ?? ''])),
    table(Object.entries(operation.responses).map(([status, response]) => [status, response.description])),
    '</section>',
  ].join('');
}

function bodyName(operation: Operation): string | null {
  const name = /"#\/components\/schemas\/(\w+)"/.exec(JSON.stringify(operation.requestBody) ?? '');
  return name?.[1] ?? null;
}

function table(rows: string[][]): string {
  if (rows.length === 0) return '';
  return `<table>${rows.map((row) => `<tr>${row.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`).join('')}</table>`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
