import { refusalCodes, refuse } from '@holdfast/core';
import { describe, expect, test } from 'vitest';
import { malformedBody, problem, problemCodes, problemKinds, refusalProblem } from './problem.ts';
import { problemSchema } from './openapi.ts';

/** The table of the contract, written down a second time on purpose. */
const statusOfApi: Record<string, number> = {
  sold_out: 409,
  not_open: 409,
  paused: 409,
  closed: 409,
  limit_reached: 409,
  challenge_required: 403,
  challenge_failed: 403,
  hold_expired: 409,
  already_confirmed: 409,
  already_cancelled: 409,
  extension_limit: 409,
  unknown_sale: 404,
  unknown_ticket: 404,
  ticket_lost: 410,
  invalid_body: 422,
  unknown_item: 422,
  invalid_quantity: 422,
  idempotency_mismatch: 422,
  unauthorized: 401,
  forbidden: 403,
  rate_limited: 429,
  body_too_large: 413,
  unsupported_media_type: 415,
  invalid_transition: 409,
  already_exists: 409,
  not_enough_available: 409,
  gate_unavailable: 503,
  ledger_unavailable: 503,
  payment_unavailable: 503,
  quarantined: 409,
};

describe('a refusal on the wire', () => {
  test.each(refusalCodes)('%s has the status that the contract promises', (code) => {
    expect(problemKinds[code].status).toBe(statusOfApi[code]);
  });

  test.each(problemCodes)('%s carries every member of RFC 9457 and its code', (code) => {
    const answer = problem(code, 'a-1');
    const body = problemSchema.parse(JSON.parse(answer.body ?? ''));
    expect(body).toMatchObject({
      type: `/problems/${code}`,
      title: problemKinds[code].title,
      status: answer.status,
      detail: problemKinds[code].detail,
      code,
      instance: 'urn:holdfast:request:a-1',
    });
    expect(answer.headers['Content-Type']).toBe('application/problem+json');
  });

  test('what is closed for a moment says when to come back', () => {
    expect(problem('gate_unavailable', 'a').headers['Retry-After']).toBe('1');
    expect(
      refusalProblem(refuse('ledger_unavailable', { retryAfterSeconds: 2.2 }), 'a').headers['Retry-After'],
    ).toBe('3');
  });

  test('a sale that is not open says when it opens, in ISO 8601', () => {
    const answer = refusalProblem(refuse('not_open', { opensAt: Date.UTC(2026, 10, 21, 12) }), 'a');
    expect(JSON.parse(answer.body ?? '')).toMatchObject({
      code: 'not_open',
      opensAt: '2026-11-21T12:00:00.000Z',
    });
  });

  test('an item of the sale that is short is named, an unknown one is not repeated', () => {
    expect(refusalProblem(refuse('sold_out', { sku: 'tee-m' }), 'a').body).toContain('"sku":"tee-m"');
    expect(refusalProblem(refuse('unknown_item', { sku: 'made-up' }), 'a').body).not.toContain('made-up');
  });

  test('what is no JSON at all is 400 under the code of a wrong body', () => {
    const answer = malformedBody('a');
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body ?? '')).toMatchObject({ status: 400, code: 'invalid_body' });
  });
});
