import {
  type Answer,
  problem,
  type ProblemCode,
  type ProblemExtras,
  refusalProblem,
} from '@holdfast/contracts';
import type { Refusal } from '@holdfast/core';
import type { Context } from 'hono';

/** What every request of the console carries. */
export interface ConsoleEnv {
  Variables: {
    requestId: string;
    /** The path as it was registered, for metrics and the log. */
    route: string;
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
