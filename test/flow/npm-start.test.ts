import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removePostgres, temporaryFolder } from '@holdfast/runtime/local-stores';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/sales.ts';

const root = join(import.meta.dirname, '../..');
const dir = temporaryFolder('npm-start');
const running: Start[] = [];

interface Start {
  process: ChildProcess;
  said(): string;
  /** Resolves to the exit code. */
  ended: Promise<number | null>;
}

/** As `npm start` runs it, on free ports and in a folder of its own. */
function start(): Start {
  const child = spawn('node', ['infra/bootstrap.mjs', 'apps/cli/src/main.ts', 'up'], {
    cwd: root,
    detached: true,
    env: { ...process.env, HOLDFAST_DIR: dir, EDGE_PORT: '0', CONSOLE_PORT: '0', WORKERS: '1', ...noStores },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece) => {
      said += piece;
    });
  }
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const begun = { process: child, said: () => said, ended };
  running.push(begun);
  return begun;
}

const noStores = { DATABASE_URL: '', REDIS_URL: '', ADMIN_KEY: '', HOST: '' };

async function open(begun: Start): Promise<string> {
  await until('the greeting', async () => begun.said().includes('Ctrl-C'), 30_000).catch((error: Error) => {
    throw new Error(`${error.message}; it said:\n${begun.said()}`);
  });
  return /http:\/\/[^ /]*/.exec(begun.said())?.[0] as string;
}

/** What the printed curl does. */
async function buy(begun: Start): Promise<{ status: number; ticket: { id: string; status: string } }> {
  const [, url, headers, body] = /curl -sS (\S+) ((?:-H '[^']*' ?)+)-d '([^']*)'/.exec(begun.said()) ?? [];
  const named = [...(headers as string).matchAll(/'([^:']*): ([^']*)'/g)].map(([, name, value]) => [
    name,
    value,
  ]);
  const answer = await fetch(url as string, {
    method: 'POST',
    headers: Object.fromEntries(named),
    body: body as string,
  });
  return { status: answer.status, ticket: (await answer.json()) as { id: string; status: string } };
}

function pids(): number[] {
  const note = JSON.parse(readFileSync(join(dir, 'redis', 'process.json'), 'utf8')) as { pid: number };
  const other = JSON.parse(readFileSync(join(dir, 'postgres', 'process.json'), 'utf8')) as { pid: number };
  return [note.pid, other.pid];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('npm start', () => {
  let first: Start;
  let edge: string;

  beforeAll(async () => {
    first = start();
    edge = await open(first);
  }, 40_000);

  afterAll(async () => {
    for (const { process: child } of running) child.kill('SIGTERM');
    await Promise.all(running.map(({ ended }) => ended));
    removePostgres(join(dir, 'postgres'));
    rmSync(dir, { recursive: true, force: true });
  });

  test('sells by the command that it prints', async () => {
    const { status, ticket } = await buy(first);
    expect([status, ticket.status]).toEqual([201, 'held']);
  });

  test('a second one in the folder names the first and ends well', async () => {
    const second = start();
    expect(await second.ended).toBe(0);
    expect(second.said()).toContain(edge);
    expect((await buy(first)).status).toBe(201);
  });

  test('stores that are killed come back where they were, and the sale goes on', async () => {
    const [redis, postgres] = pids();
    process.kill(redis as number, 'SIGKILL');
    process.kill(postgres as number, 'SIGKILL');
    const bought = await until('a hold', async () => {
      const answer = await buy(first).catch(() => null);
      return answer?.status === 201 && answer;
    });
    expect(bought.ticket.status).toBe('held');
  });

  test('a stop is over within 10 s, even when it is asked for twice, and leaves no process', async () => {
    const stores = pids();
    const askedAt = performance.now();
    const group = -(first.process.pid as number);
    process.kill(group, 'SIGINT');
    process.kill(group, 'SIGINT');
    expect(await first.ended).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    expect(stores.filter(isAlive)).toEqual([]);
    // The whole group is gone: every app was in it.
    expect(() => process.kill(group, 0)).toThrow('ESRCH');
  });

  test('what was sold is still sold after a restart, and the key is the same', async () => {
    const key = keyOf(first);
    const again = start();
    const address = await open(again);
    const answer = await fetch(`${address}/v1/sales/demo`);
    const { items } = (await answer.json()) as { items: { available: number; stock: number }[] };
    expect(items[0]?.available).toBeLessThanOrEqual(97);
    expect(keyOf(again)).toBe(key);
  });

  test('nothing outlives a supervisor that is killed with kill -9', async () => {
    const last = running.at(-1) as Start;
    const stores = pids();
    process.kill(-(last.process.pid as number), 'SIGKILL');
    await until('the stores to end', async () => !stores.some(isAlive));
    expect(stores.filter(isAlive)).toEqual([]);
  });
});

function keyOf(begun: Start): string {
  return /admin key {2}(\S+)/.exec(begun.said())?.[1] as string;
}
