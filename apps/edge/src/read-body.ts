import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import {
  type Answer,
  type BodySchema,
  bodyLimitBytes,
  isJsonMediaType,
  judgeIssues,
  malformedBody,
  problem,
} from '@holdfast/contracts';
import { type EdgeContext, headerOf } from './call.ts';

/**
 * A body that is too long is still read to its end, up to this, without keeping it: a client that is cut off while it
 * sends often sees a broken connection instead of the answer.
 */
const discardLimitBytes = 1024 * 1024;

export type BodyRead<Body> = { kind: 'body'; body: Body } | { kind: 'answer'; answer: Answer };

export interface BodyRules {
  /** No body at all is an empty object. */
  optional?: boolean;
  /** A cheaper check that says yes to nothing but what the schema takes unchanged. */
  isPlainlyValid?: (value: unknown) => boolean;
  /** Wrong headers, to be listed with what is wrong in the body. */
  issues?: { pointer: string; message: string }[];
}

/** Reads and checks in the order of the contract: 413, 415, 400, 422. */
export async function readBody<Body>(
  c: EdgeContext,
  requestId: string,
  schema: BodySchema<Body>,
  rules: BodyRules = {},
): Promise<BodyRead<Body>> {
  const bytes = await readBytes(c, bodyLimitBytes);
  if (bytes === 'too_large' || bytes === 'endless') return tooLarge(requestId, bytes);
  if (bytes === 'cut_off') return { kind: 'answer', answer: malformedBody(requestId) };
  let value: unknown = {};
  if (bytes.length > 0 || rules.optional !== true) {
    if (!isPlainJson(c)) return { kind: 'answer', answer: problem('unsupported_media_type', requestId) };
    // Bytes that are no UTF-8 would be replaced, and two names become one.
    if (!isUtf8(bytes)) return { kind: 'answer', answer: malformedBody(requestId) };
    try {
      value = JSON.parse(bytes.toString());
    } catch {
      return { kind: 'answer', answer: malformedBody(requestId) };
    }
  }
  if (rules.issues === undefined && rules.isPlainlyValid?.(value) === true)
    return { kind: 'body', body: value as Body };
  const result = schema.safeParse(value);
  if (result.success && rules.issues === undefined) return { kind: 'body', body: result.data };
  const judged = result.success ? { code: 'invalid_body' as const, issues: [] } : judgeIssues(result.error);
  const code = rules.issues === undefined ? judged.code : 'invalid_body';
  const issues = [...(rules.issues ?? []), ...judged.issues];
  return { kind: 'answer', answer: problem(code, requestId, { issues }) };
}

function isPlainJson(c: EdgeContext): boolean {
  const encoding = headerOf(c, 'content-encoding');
  return isJsonMediaType(headerOf(c, 'content-type')) && (encoding === undefined || encoding === 'identity');
}

function tooLarge(requestId: string, how: 'too_large' | 'endless'): { kind: 'answer'; answer: Answer } {
  const answer = problem('body_too_large', requestId);
  if (how === 'endless') answer.headers['Connection'] = 'close';
  return { kind: 'answer', answer };
}

/** The bytes as they came, for whoever checks a signature over them. */
export async function readRawBody(
  c: EdgeContext,
  requestId: string,
  limitBytes: number,
): Promise<BodyRead<Buffer>> {
  const bytes = await readBytes(c, limitBytes);
  if (bytes === 'too_large' || bytes === 'endless') return tooLarge(requestId, bytes);
  if (bytes === 'cut_off') return { kind: 'answer', answer: malformedBody(requestId) };
  return { kind: 'body', body: bytes };
}

type Bytes = Buffer | 'too_large' | 'endless' | 'cut_off';

function readBytes(c: EdgeContext, limitBytes: number): Promise<Bytes> {
  const incoming = c.env?.incoming as IncomingMessage | undefined;
  return incoming === undefined ? readWebBytes(c.req.raw, limitBytes) : readIncoming(incoming, limitBytes);
}

/** Counts while reading: a declared length is not believed, except that it is too long. */
function readIncoming(incoming: IncomingMessage, limitBytes: number): Promise<Bytes> {
  if (Number(incoming.headers['content-length']) > discardLimitBytes) return Promise.resolve('endless');
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let size = 0;
    function take(chunk: Buffer): void {
      size += chunk.length;
      if (size > limitBytes) {
        first = undefined;
        chunks = undefined;
        if (size > discardLimitBytes) finish('endless');
      } else if (first === undefined) first = chunk;
      else if (chunks === undefined) chunks = [first, chunk];
      else chunks.push(chunk);
    }
    function end(): void {
      if (size > limitBytes) finish('too_large');
      else if (chunks !== undefined) finish(Buffer.concat(chunks));
      else finish(first ?? Buffer.alloc(0));
    }
    function cut(): void {
      finish('cut_off');
    }
    function finish(bytes: Bytes): void {
      incoming.off('data', take);
      incoming.off('end', end);
      incoming.off('close', cut);
      incoming.off('error', cut);
      resolve(bytes);
    }
    incoming.on('data', take);
    incoming.on('end', end);
    incoming.on('close', cut);
    incoming.on('error', cut);
  });
}

async function readWebBytes(request: Request, limitBytes: number): Promise<Bytes> {
  const bytes = Buffer.from(await request.arrayBuffer());
  return bytes.length > limitBytes ? 'too_large' : bytes;
}
