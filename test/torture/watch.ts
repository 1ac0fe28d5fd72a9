/**
 * When commits went on and when the gate answered: a look at the ledger's revisions some twenty times a second, past
 * every line, and every answer that a buyer got. From these the time from a fault's end until the shop went on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { now } from './clock.ts';
import type { History } from './history.ts';
import type { FaultDone } from './nemesis.ts';

export interface Watch {
  listenTo(history: History): void;
  /** For each fault that was alone until both went on again: milliseconds until the next commit and the next answer. */
  recoveries(faults: readonly FaultDone[]): Recovery[];
  close(): Promise<void>;
}

export interface Recovery {
  kind: string;
  commitMs: number;
  gateMs: number;
}

const lookMs = 50;
const answerMs = 1_000;
/** Longer than this after a fault, something else is going on. */
const recoveryMaxMs = 60_000;

export function createWatch(databaseUrl: string): Watch {
  const commits: number[] = [];
  const answers: { sentAt: number; at: number }[] = [];
  const closing = new AbortController();
  const database = new pg.Pool({
    connectionString: databaseUrl,
    max: 1,
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
    application_name: 'torture',
  });
  database.on('error', () => undefined);
  const looking = look();

  async function look(): Promise<void> {
    let last = '';
    while (!closing.signal.aborted) {
      const asked = await database
        .query<{ sum: string }>('select sum(revision)::text as sum from gates')
        .catch(() => null);
      const sum = asked?.rows[0]?.sum ?? last;
      if (sum !== last) commits.push(now());
      last = sum;
      await sleep(lookMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    listenTo: (history) =>
      history.onNote(({ op, sentAt, answeredAt, status }) => {
        if (op === 'reserve' && answeredAt !== null && status !== null && status < 500)
          answers.push({ sentAt, at: answeredAt });
      }),
    recoveries(faults) {
      const inOrder = answers.toSorted((left, right) => left.at - right.at);
      return faults.flatMap((fault) => {
        const end = fault.until ?? fault.at;
        const commit = commits.find((at) => at > end);
        const answer = inOrder.find(({ sentAt }) => sentAt > end)?.at;
        if (commit === undefined || answer === undefined) return [];
        const whole = Math.max(commit, answer);
        const alone = faults.every(
          (other) => other === fault || other.at > whole || (other.until ?? other.at) + 1_000 < fault.at,
        );
        return alone && whole - end < recoveryMaxMs
          ? [{ kind: fault.kind, commitMs: commit - end, gateMs: answer - end }]
          : [];
      });
    },
    async close() {
      closing.abort();
      await looking;
      await database.end();
    },
  };
}
