import {
  type Answer,
  problem,
  type ProblemCode,
  type ProblemExtras,
  refusalProblem,
} from '@holdfast/contracts';
import { ReadableStream, TextEncoderStream } from 'node:stream/web';
import type { Refusal } from '@holdfast/core';
import type { Context } from 'hono';

/** What every request of the console carries. */
export interface ConsoleEnv {
  /** What the server hands over. */
  Bindings: { incoming?: { socket?: { remoteAddress?: string } } };
  Variables: {
    requestId: string;
    /** The path as it was registered, for metrics and the log. */
    route: string;
    /** Whether who called may still: for answers that go on for long. */
    stillAllowed(): Promise<boolean>;
  };
}

export type ConsoleContext = Context<ConsoleEnv>;

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return jsonText(status, JSON.stringify(body), headers);
}

export function jsonText(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
  });
}

export function refused(c: ConsoleContext, refusal: Refusal): Response {
  return responseOf(refusalProblem(refusal, c.get('requestId')));
}

export function problemResponse(c: ConsoleContext, code: ProblemCode, extras?: ProblemExtras): Response {
  return responseOf(problem(code, c.get('requestId'), extras));
}

export function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers: { 'Cache-Control': 'no-store', ...headers } });
}

/** A response that is written as `chunks` come; ends the generator when the reader goes away. */
export function streamed(
  chunks: AsyncIterable<string>,
  contentType: string,
  headers: Record<string, string> = {},
): Response {
  const body = ReadableStream.from(chunks).pipeThrough(new TextEncoderStream());
  return new Response(body, {
    headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store', ...headers },
  });
}

/** A page without a script. `title` and `body` are ours: nothing that was sent. */
export function html(status: number, title: string, body: string): Response {
  const text = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style>
</head><body><h1>${title}</h1>${body}</body></html>
`;
  return new Response(text, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'Cache-Control': 'no-cache',
    },
  });
}
