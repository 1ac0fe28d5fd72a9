/**
 * An app as a process of its own that always comes back. The product's supervisor waits longer after each death, up to
 * ten seconds; here dying is the daily business, and what is looked for happens right after the start.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mopUpProcess } from '@holdfast/runtime/local-stores';

export interface App {
  readonly name: string;
  readonly kind: AppKind;
  /** Null while it is not running. */
  readonly pid: number | null;
  readonly deaths: number;
  /** Sends the signal, if it runs. */
  signal(signal: NodeJS.Signals): void;
  /** Kills it, and starts it again with other settings beside its own; none: as it was. */
  restartWith(env: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
}

export type AppKind = 'edge' | 'worker' | 'console';

const comeBackMs = 100;
const stopMs = 9_000;

export function keepAlive(
  kind: AppKind,
  name: string,
  env: Record<string, string>,
  logFile: string,
  onDeath: (name: string, how: string) => void,
): App {
  let child: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let wanted = true;
  let closed = false;
  let deaths = 0;
  let extra: Record<string, string> = {};

  function start(): void {
    const log = openSync(logFile, 'a');
    const started = spawn(process.execPath, [`apps/${kind}/src/main.ts`], {
      env: { PATH: process.env['PATH'], ...env, ...extra },
      // In a group of its own, so that Ctrl-C in a terminal reaches only the one who decides what it means.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    started.on('error', () => undefined);
    const forget = started.pid === undefined ? () => undefined : mopUpProcess(started.pid);
    child = started;
    ended = new Promise((resolve) => {
      started.once('exit', (code, signal) => {
        forget();
        if (child === started) child = null;
        resolve();
        if (!wanted) return;
        deaths += 1;
        onDeath(name, signal ?? `code ${code}`);
        timer = setTimeout(start, comeBackMs);
      });
    });
  }

  async function end(): Promise<void> {
    clearTimeout(timer);
    if (child === null) return;
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const force = setTimeout(() => child?.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(force);
  }

  start();
  return {
    name,
    kind,
    get pid() {
      return child?.pid ?? null;
    },
    get deaths() {
      return deaths;
    },
    signal: (signal) => void child?.kill(signal),
    async restartWith(env) {
      extra = env;
      wanted = false;
      clearTimeout(timer);
      child?.kill('SIGKILL');
      await ended;
      if (closed || wanted) return;
      wanted = true;
      start();
    },
    async stop() {
      closed = true;
      wanted = false;
      await end();
    },
  };
}
