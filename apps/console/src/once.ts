import { hash } from 'node:crypto';
import { readIdempotencyKey } from '@holdfast/contracts';
import type { DeskAnswer, DeskRequest } from '@holdfast/pipeline';
import { type ConsoleContext, json, jsonText, problemResponse, refused } from './answers.ts';
import type { ConsoleParts } from './parts.ts';

/** How a change that was made is answered. */
export interface ChangeAnswer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/**
 * Carries out a change and answers it. With an `Idempotency-Key`, the same call is carried out once and answered the
 * same each time; a refusal is not remembered. `body` is the checked body: another one under the same key is refused.
 */
export async function once(
  c: ConsoleContext,
  { ledger }: Pick<ConsoleParts, 'ledger'>,
  body: unknown,
  carryOut: (request: DeskRequest | null) => Promise<DeskAnswer>,
  answer: (saleId: string) => Promise<ChangeAnswer>,
): Promise<Response> {
  const key = readIdempotencyKey(c.req.header('idempotency-key'));
  if (key.kind === 'invalid') {
    const message = 'must be 1 to 255 printable characters';
    return problemResponse(c, 'invalid_body', { issues: [{ pointer: '/Idempotency-Key', message }] });
  }
  const request = key.kind === 'key' ? requestOf(c, key.key, body) : null;
  if (request !== null) {
    const before = await ledger.readRequest(request.key);
    if (before !== null && before.fingerprint !== request.fingerprint)
      return problemResponse(c, 'idempotency_mismatch');
    if (before !== null && before.body !== null) return replay(before.status, before.body);
  }
  const done = await carryOut(request);
  if (done.kind === 'refused') return refused(c, done);
  const { status, body: answered, headers } = await answer(done.saleId);
  if (request !== null) await ledger.answerRequest(request, status, JSON.stringify({ headers, answered }));
  return json(status, answered, { ...headers, ...(done.kind === 'repeated' && replayed) });
}

const replayed = { 'Idempotent-Replayed': 'true' };

function replay(status: number, stored: string): Response {
  const { headers, answered } = JSON.parse(stored) as { headers?: Record<string, string>; answered: unknown };
  return jsonText(status, JSON.stringify(answered), { ...headers, ...replayed });
}

/** Keys count per address; what is stored of key and body are digests. */
function requestOf(c: ConsoleContext, key: string, body: unknown): DeskRequest {
  return {
    key: hash('sha256', JSON.stringify([c.req.method, c.req.path, key])),
    fingerprint: hash('sha256', JSON.stringify(body)),
  };
}
