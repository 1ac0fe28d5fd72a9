import { bodyLimitBytes, isJsonMediaType, judgeIssues, malformedBody } from '@holdfast/contracts';
import type { z } from 'zod';
import { type ConsoleContext, problemResponse, responseOf } from './answers.ts';

export type BodyRead<Body> = { ok: true; body: Body } | { ok: false; response: Response };

/**
 * Reads, parses and checks a body, in the order 413, 415, 400, 422. A body that may be left out reads as `{}`.
 * No answer repeats what was sent.
 */
export async function readBody<Schema extends z.ZodType>(
  c: ConsoleContext,
  schema: Schema,
  presence: 'required' | 'optional' = 'required',
): Promise<BodyRead<z.infer<Schema>>> {
  const bytes = await readBytes(c);
  if (bytes === null) return fail(withHeader(problemResponse(c, 'body_too_large'), 'Connection', 'close'));
  if (bytes.length === 0 && presence === 'optional') return check(c, schema, {});
  if (!isJsonMediaType(c.req.header('content-type')) || isCompressed(c.req.header('content-encoding')))
    return fail(problemResponse(c, 'unsupported_media_type'));
  const parsed = parse(bytes);
  if (parsed === null) return fail(responseOf(malformedBody(c.get('requestId'))));
  return check(c, schema, parsed.value);
}

/** Checks the query string like a body. */
export function readQuery<Schema extends z.ZodType>(
  c: ConsoleContext,
  schema: Schema,
): BodyRead<z.infer<Schema>> {
  return check(c, schema, c.req.query());
}

function check<Schema extends z.ZodType>(
  c: ConsoleContext,
  schema: Schema,
  value: unknown,
): BodyRead<z.infer<Schema>> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, body: result.data };
  const { code, issues } = judgeIssues(result.error);
  return fail(problemResponse(c, code, { issues }));
}

function fail(response: Response): { ok: false; response: Response } {
  return { ok: false, response };
}

/** Null when there are more than may be sent; Content-Length is not believed. */
async function readBytes(c: ConsoleContext): Promise<Uint8Array | null> {
  if (Number(c.req.header('content-length') ?? 0) > bodyLimitBytes) return null;
  const stream = c.req.raw.body;
  if (stream === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bodyLimitBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(bytes: Uint8Array): { value: unknown } | null {
  try {
    return { value: JSON.parse(utf8.decode(bytes)) };
  } catch {
    return null;
  }
}

function isCompressed(encoding: string | undefined): boolean {
  return encoding !== undefined && encoding.toLowerCase() !== 'identity';
}

function withHeader(response: Response, name: string, value: string): Response {
  response.headers.set(name, value);
  return response;
}
