/** A refusal as the console tells it. `code` is one of the contract's; `unreachable` when there was no answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly issues: readonly { pointer: string; message: string }[];

  constructor(
    status: number,
    code: string,
    detail: string,
    issues: readonly { pointer: string; message: string }[] = [],
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.issues = issues;
  }
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

interface Asked {
  body?: object | undefined;
  /** The same key is carried out once, however often the button is pressed. */
  idempotencyKey?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** How long an answer may take; a withdrawal waits behind everything in the intake. */
const answerWithinMs = 40_000;

/** One call of the contract; throws a `Problem` for everything but its answer. */
export async function ask<Answer>(method: Method, path: string, asked: Asked = {}): Promise<Answer> {
  const { body, idempotencyKey, signal } = asked;
  const late = AbortSignal.timeout(answerWithinMs);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new Problem(
      0,
      'unreachable',
      'The console does not answer. Nothing is known of what was asked; ask again.',
    );
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as Answer;
  if (response.status === 401) dispatchEvent(new Event(signedOut));
  throw problemOf(response.status, answer as ProblemBody | null);
}

/** Dispatched when a call was refused for want of a session. */
export const signedOut = 'signedout';

interface ProblemBody {
  code?: string;
  detail?: string;
  issues?: { pointer: string; message: string }[];
}

function problemOf(status: number, body: ProblemBody | null): Problem {
  const detail = body?.detail ?? `The console answered with ${status}.`;
  return new Problem(status, body?.code ?? 'unknown', detail, body?.issues);
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error);
  if (error.issues.length === 0) return error.message;
  return error.issues.map(({ pointer, message }) => `${pointer.slice(1) || 'It'} ${message}`).join('; ');
}
