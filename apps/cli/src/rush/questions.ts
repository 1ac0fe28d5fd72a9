import { headerOf } from './answer-reader.ts';
import { chance } from './buyer.ts';
import type { Edges } from './edges.ts';
import type { CrowdPlan } from './plan.ts';
import type { Asked, Tally } from './tally.ts';
import type { Address, Answer } from './wire.ts';

/** How the crowd puts a question: written by hand, asked with patience, counted. */
export function createQuestions(plan: CrowdPlan, edges: Edges, tally: Tally) {
  const heads = plan.edges.map(requestHeads);

  return { askPatiently, failed, get, post };

  /**
   * Asks until there is an answer that is not "not now": 5xx, 429, 408 (the server was closing an idle connection)
   * and network faults are tried again with the very same request, so with the same Idempotency-Key, after what
   * Retry-After says. Undefined when patience ends.
   */
  async function askPatiently(
    asked: Asked,
    home: number,
    requestFor: (edge: number) => string,
    dueAtMs?: number,
  ): Promise<Answer | undefined> {
    const giveUpAtMs = performance.now() + PATIENCE_MS;
    let fromMs = dueAtMs ?? performance.now();
    let why = '';
    for (let round = 0, waitMs = RETRY_FIRST_MS; ; round += 1, waitMs = Math.min(waitMs * 2, RETRY_LAST_MS)) {
      const edge = (home + round) % edges.count;
      let retryAfterMs = waitMs;
      try {
        const answer = await edges.ask(edge, requestFor(edge));
        const code = answer.status >= 400 ? codeOf(answer) : undefined;
        tally.answer(asked, answer.status, code, answer.receivedAtMs - fromMs);
        if (answer.status >= 400 && code === undefined)
          return failed(`${asked} answered ${answer.status} without a problem`);
        if (answer.status < 500 && !ASKS_AGAIN.has(answer.status)) return answer;
        why = `${answer.status} ${code}`;
        const retryAfterSeconds = Number(headerOf(answer.head, 'retry-after'));
        if (retryAfterSeconds > 0) retryAfterMs = retryAfterSeconds * 1_000;
      } catch {
        why = 'network';
        tally.networkFault(asked);
      }
      if (performance.now() + retryAfterMs > giveUpAtMs) return failed(`${asked} gave up: ${why}`);
      await pause(retryAfterMs * (1 + 0.5 * chance(plan.seed, home, 100 + round)));
      fromMs = performance.now();
    }
  }

  /** Counts an error; for `return failed(...)`. */
  function failed(kind: string): undefined {
    tally.error(kind.trim());
    return undefined;
  }

  function get(edge: number, path: string, headers = ''): string {
    return `GET ${path} HTTP/1.1\r\n${headers}${heads[edge] ?? ''}\r\n`;
  }

  /** Buyer ids and skus are checked to be plain ASCII, so the length in characters is the length in bytes. */
  function post(edge: number, path: string, body: string, headers: string): string {
    return `POST ${path} HTTP/1.1\r\n${headers}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${heads[edge] ?? ''}\r\n${body}`;
  }
}

export type Questions = ReturnType<typeof createQuestions>;

const ASKS_AGAIN = new Set([408, 429]);
/** How long a buyer goes on asking through an outage. */
const PATIENCE_MS = 30_000;
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 2_000;

function requestHeads({ host, port }: Address): string {
  return `Host: ${host}:${port}\r\n`;
}

/** The code of a problem, or undefined when the answer is no problem+json. */
export function codeOf(answer: Answer): string | undefined {
  if (!headerOf(answer.head, 'content-type')?.startsWith('application/problem+json')) return undefined;
  const code = parsed(answer.body)?.['code'];
  return typeof code === 'string' ? code : undefined;
}

/** The JSON object of a body, or undefined when it is none. */
export function parsed(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
