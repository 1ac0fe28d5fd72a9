import type { Refusal, RefusalCode } from '@holdfast/core';
import { isoTime } from './text.ts';

/** Codes that only the wire knows: no room refuses with them. */
export const wireCodes = ['not_found', 'method_not_allowed', 'bad_request', 'internal_error'] as const;

export type ProblemCode = RefusalCode | (typeof wireCodes)[number];

export interface ProblemKind {
  status: number;
  title: string;
  /** The same sentence for everybody: a problem never repeats what was sent. */
  detail: string;
  /** Seconds after which asking again makes sense, when the refusal itself does not say. */
  retryAfterSeconds?: number;
}

/** Every problem with its HTTP status: the one place where outcomes become status codes. */
export const problemKinds: Record<ProblemCode, ProblemKind> = {
  sold_out: { status: 409, title: 'Sold out', detail: 'Fewer units are left than were asked for.' },
  not_open: {
    status: 409,
    title: 'Not open',
    detail: 'It is too early for this; opensAt says when the sale opens, if that is known.',
  },
  paused: {
    status: 409,
    title: 'Paused',
    detail: 'The sale takes no reservations for the moment. Holds go on.',
  },
  closed: { status: 409, title: 'Closed', detail: 'The sale is over.' },
  limit_reached: {
    status: 409,
    title: 'Limit reached',
    detail: 'This buyer has as many units of this sale as one buyer may have.',
  },
  challenge_required: {
    status: 403,
    title: 'Challenge required',
    detail:
      'This sale asks newcomers to solve a challenge first: GET /v1/sales/{saleId}/challenge, then send the same request again with the header Challenge-Solution.',
  },
  challenge_failed: {
    status: 403,
    title: 'Challenge failed',
    detail:
      'The solution is wrong, too old, of another challenge, or was used already. Get a new challenge and solve that.',
  },
  hold_expired: { status: 409, title: 'Hold expired', detail: 'The hold ran out before this came.' },
  already_confirmed: {
    status: 409,
    title: 'Already confirmed',
    detail: 'The ticket is confirmed; this can no longer be done.',
  },
  already_cancelled: {
    status: 409,
    title: 'Already cancelled',
    detail: 'The ticket was given back or refused; this can no longer be done.',
  },
  extension_limit: {
    status: 409,
    title: 'Extension limit',
    detail: 'This hold was extended as often, or by as much, as the sale allows.',
  },
  unknown_sale: { status: 404, title: 'Unknown sale', detail: 'There is no such sale.' },
  unknown_ticket: { status: 404, title: 'Unknown ticket', detail: 'There is no such ticket.' },
  ticket_lost: {
    status: 410,
    title: 'Ticket lost',
    detail:
      'The service lost this ticket after it was given, and could not bring it back. Nothing was charged. Reserve again: the same Idempotency-Key gets a new place.',
  },
  invalid_body: {
    status: 422,
    title: 'Invalid body',
    detail: 'The request does not have the fields it should; issues lists what is wrong.',
  },
  unknown_item: {
    status: 422,
    title: 'Unknown item',
    detail: 'A line names an item that this sale does not have.',
  },
  invalid_quantity: {
    status: 422,
    title: 'Invalid quantity',
    detail: 'A quantity is a whole number from 1 on.',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'Idempotency mismatch',
    detail: 'This Idempotency-Key was used with another body.',
  },
  unauthorized: { status: 401, title: 'Unauthorized', detail: 'The request carries no valid credentials.' },
  forbidden: { status: 403, title: 'Forbidden', detail: 'These credentials do not allow it.' },
  rate_limited: {
    status: 429,
    title: 'Rate limited',
    detail: 'Too many requests; ask again later.',
    retryAfterSeconds: 1,
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    detail: 'The body is longer than this call takes.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The body must be application/json, not compressed.',
  },
  invalid_transition: {
    status: 409,
    title: 'Invalid transition',
    detail: 'This cannot be done in the present state.',
  },
  already_exists: {
    status: 409,
    title: 'Already exists',
    detail: 'There is another one already, by this id or by this Idempotency-Key.',
  },
  not_enough_available: {
    status: 409,
    title: 'Not enough available',
    detail: 'Fewer units are available than should be withdrawn.',
  },
  gate_unavailable: {
    status: 503,
    title: 'Gate unavailable',
    detail: 'The gate is closed or being rebuilt. Nothing was taken; ask again.',
    retryAfterSeconds: 1,
  },
  ledger_unavailable: {
    status: 503,
    title: 'Ledger unavailable',
    detail: 'Too many reservations wait for the ledger. Nothing was taken; ask again.',
    retryAfterSeconds: 2,
  },
  quarantined: {
    status: 409,
    title: 'Set aside',
    detail:
      'This could not be worked on and was set aside; nothing was taken. It may be asked for again, as a new request.',
  },
  payment_unavailable: {
    status: 503,
    title: 'Payment unavailable',
    detail: 'The payment provider does not answer. The hold stays until its deadline; ask again.',
    retryAfterSeconds: 2,
  },
  not_found: { status: 404, title: 'Not found', detail: 'There is nothing at this address.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This address answers other methods; see Allow.',
  },
  bad_request: { status: 400, title: 'Bad request', detail: 'This is not a well-formed HTTP request.' },
  internal_error: {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong on this side. Asking again with the same Idempotency-Key is safe.',
  },
};

export const problemCodes = Object.keys(problemKinds) as ProblemCode[];

/** What a problem says beyond its kind. Values are the service's own, never the sender's. */
export type ProblemExtras = Record<string, unknown>;

/** An answer before it has its common headers. `headers` is the caller's to add to. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | null;
}

/** `instance` is the id of the request, so that a report can be found in the log. */
export function problem(code: ProblemCode, instance: string, extras?: ProblemExtras): Answer {
  const kind = problemKinds[code];
  const answer = withHead(kind.status, heads[code], instance, extras);
  if (kind.status === 404) answer.headers['Cache-Control'] = 'no-store';
  if (kind.retryAfterSeconds !== undefined) answer.headers['Retry-After'] = String(kind.retryAfterSeconds);
  return answer;
}

/** `invalid_body` of something that is no JSON at all: 400, where wrong fields are 422. */
export function malformedBody(instance: string): Answer {
  return withHead(400, malformedHead, instance, undefined);
}

/** The problem that tells a buyer of a refusal. */
export function refusalProblem(refusal: Refusal, instance: string): Answer {
  if (refusal.opensAt === undefined && refusal.sku === undefined && refusal.retryAfterSeconds === undefined)
    return problem(refusal.code, instance);
  const extras: ProblemExtras = {};
  if (refusal.opensAt !== undefined) extras['opensAt'] = isoTime(refusal.opensAt);
  // The name of an item of this sale: an unknown one, which is the sender's own text, is not repeated.
  if (refusal.sku !== undefined && refusal.code === 'sold_out') extras['sku'] = refusal.sku;
  const answer = problem(refusal.code, instance, extras);
  if (refusal.retryAfterSeconds !== undefined)
    answer.headers['Retry-After'] = String(Math.max(1, Math.ceil(refusal.retryAfterSeconds)));
  return answer;
}

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problemKinds, code);
}

const instancePrefix = 'urn:holdfast:request:';
const malformedHead = headOf('invalid_body', 400, 'The body is not well-formed JSON in UTF-8.');

// Serialised once: a sold-out crowd gets the same 200 bytes a million times.
const heads = Object.fromEntries(
  problemCodes.map((code) => [code, headOf(code, problemKinds[code].status, problemKinds[code].detail)]),
) as Record<ProblemCode, string>;

function headOf(code: ProblemCode, status: number, detail: string): string {
  const head = JSON.stringify({
    type: `/problems/${code}`,
    title: problemKinds[code].title,
    status,
    detail,
    code,
  });
  return `${head.slice(0, -1)},"instance":"${instancePrefix}`;
}

function withHead(status: number, head: string, instance: string, extras: ProblemExtras | undefined): Answer {
  const rest = extras === undefined ? '{}' : JSON.stringify(extras);
  const body = rest === '{}' ? `${head}${instance}"}` : `${head}${instance}",${rest.slice(1)}`;
  return { status, headers: { 'Content-Type': 'application/problem+json' }, body };
}
