import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../clock.ts';
import type { History, Operation } from '../history.ts';

/** What was asked, before there is an answer. */
export type Question = Pick<Operation, 'op' | 'saleId'> &
  Partial<Pick<Operation, 'ticketId' | 'buyerId' | 'key' | 'lines' | 'paymentRef' | 'call'>>;

export interface Request {
  method: 'GET' | 'POST';
  path: string;
  body?: object;
  headers?: Record<string, string>;
}

export interface Ask {
  /** One request to one server, noted with its answer, or without one. */
  once(server: string, question: Question, request: Request): Promise<Operation>;
  /**
   * The very same request again, at the next server, until there is an answer that is neither "not now" nor, of a
   * command, "not yet"; the last one.
   */
  patiently(servers: readonly string[], question: Question, request: Request): Promise<Operation>;
}

/** Longer than any call of the product may take (`Prefer: wait` is not used). */
const answerMs = 12_000;
const patienceMs = 40_000;
const pauseMs = 150;

export function createAsk(history: History): Ask {
  let turn = 0;

  async function once(server: string, question: Question, request: Request): Promise<Operation> {
    const { method, path, body, headers = {} } = request;
    const sentAt = now();
    let answer: Pick<Operation, 'answeredAt' | 'status' | 'body'> = {
      answeredAt: null,
      status: null,
      body: null,
    };
    try {
      const key = question.key == null ? {} : { 'Idempotency-Key': question.key };
      const response = await fetch(new URL(path, server), {
        method,
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...key,
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(answerMs),
      });
      const text = await response.text();
      answer = { answeredAt: now(), status: response.status, body: parsed(text) };
    } catch {
      // No whole answer: whether it was done is unknown.
    }
    const operation: Operation = { ...nobody, ...question, sentAt, ...answer };
    history.note(operation);
    return operation;
  }

  return {
    once,
    async patiently(servers, question, request) {
      const giveUpAt = performance.now() + patienceMs;
      for (;;) {
        turn += 1;
        const answer = await once(servers[turn % servers.length] as string, question, request);
        if (!isNotNow(answer) || performance.now() > giveUpAt) return answer;
        await sleep(pauseMs);
      }
    },
  };
}

const nobody = { ticketId: null, buyerId: null, key: null, lines: null, paymentRef: null };

function isNotNow({ op, status }: Operation): boolean {
  if (op !== 'reserve' && status === 202) return true;
  return status === null || status >= 500 || status === 408 || status === 429;
}

function parsed(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
