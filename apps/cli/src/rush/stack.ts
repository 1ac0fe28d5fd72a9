import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '@holdfast/ledger';
import {
  freePort,
  mopUpFolder,
  mopUpProcess,
  removePostgres,
  startPostgres,
  startRedis,
} from '@holdfast/runtime/local-stores';
import { inheritedSettings } from './config.ts';

export interface Stack {
  edges: URL[];
  console: { url: URL; key: string };
  /** Where every process logs; gone after `close`. */
  folder: string;
  /** Stops every process, the stores last, and removes the folder. */
  close(): Promise<void>;
}

/**
 * A whole stack for one rush, on free ports and in a folder of its own: durable stores, workers, edges, a console.
 * Nobody is started again here: a rush that loses a process should show what that does.
 */
export async function startStack(size: { workers: number; edges: number }): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-rush-'));
  mopUpFolder(folder);
  const undo: (() => Promise<unknown> | unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const postgresFolder = join(folder, 'postgres');
    const [postgres, redis] = await Promise.all([
      startPostgres({ dir: postgresFolder }),
      startRedis({ dir: join(folder, 'redis') }),
    ]);
    undo.push(
      () => removePostgres(postgresFolder),
      () => Promise.all([postgres.stop(), redis.stop()]),
    );
    await migrate(postgres.url);

    const key = randomBytes(24).toString('base64url');
    const stores = {
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      ADMIN_KEY: key,
      LOG_LEVEL: 'warn',
      HOST,
    };
    const children: ChildProcess[] = [];
    undo.push(() => Promise.all(children.map(stopChild)));
    const open = (app: string, number: number, settings: Record<string, string> = {}) => {
      children.push(
        startChild(app, join(folder, 'logs', `${app}-${number}.log`), { ...stores, ...settings }),
      );
    };
    mkdirSync(join(folder, 'logs'));
    for (let number = 1; number <= size.workers; number += 1) open('worker', number);
    const consoleUrl = new URL(`http://${HOST}:${await freePort()}`);
    open('console', 1, { CONSOLE_PORT: consoleUrl.port });
    const edges: URL[] = [];
    for (let number = 1; number <= size.edges; number += 1) {
      const edge = new URL(`http://${HOST}:${await freePort()}`);
      open('edge', number, { EDGE_PORT: edge.port });
      edges.push(edge);
    }
    await Promise.all([consoleUrl, ...edges].map((url) => untilReady(url, children)));
    return { edges, console: { url: consoleUrl, key }, folder, close };
  } catch (fault) {
    await close();
    throw fault;
  }
}

const HOST = '127.0.0.1';
const READY_MAX_MS = 30_000;
const READY_LOOK_MS = 50;
const STOP_MAX_MS = 10_000;
const APPS = fileURLToPath(new URL('../../../', import.meta.url));

/** In a session of its own, so that Ctrl-C ends the crowd first; its channel tells it when this process is gone. */
function startChild(app: string, logFile: string, settings: Record<string, string>): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = fork(join(APPS, app, 'src/main.ts'), {
    detached: true,
    env: { ...inheritedSettings(), ...settings },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  if (child.pid !== undefined) child.once('exit', mopUpProcess(child.pid));
  return child;
}

function stopChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const killed = setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS);
    child.once('exit', () => {
      clearTimeout(killed);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

async function untilReady(url: URL, children: readonly ChildProcess[]): Promise<void> {
  const untilMs = performance.now() + READY_MAX_MS;
  let cause: unknown;
  while (performance.now() < untilMs) {
    const ended = children.find((child) => child.exitCode !== null || child.signalCode !== null);
    if (ended !== undefined) throw new Error(`${ended.spawnargs.at(-1)} ended while the stack came up`);
    try {
      const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(READY_MAX_MS) });
      if (response.ok) return;
      cause = new Error(`answered ${response.status}`);
    } catch (fault) {
      cause = fault;
    }
    await new Promise((resolve) => setTimeout(resolve, READY_LOOK_MS));
  }
  throw new Error(`nothing became ready at ${url.href}`, { cause });
}
