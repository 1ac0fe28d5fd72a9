import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mopUpProcess } from './mop-up.ts';
import { identityOf, isSameProcess } from './process-identity.ts';

/** A private store: a real server process on this machine, with a folder of its own. */
export interface Store {
  readonly url: string;
  readonly port: number;
  /** Null while it is not running. */
  readonly pid: number | null;
  /** Stops it in order; kills it after the deadline. Twice is once. */
  stop(): Promise<void>;
  /** `kill -9`, as a crash would; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data, stopping it first when it runs. */
  restart(): Promise<void>;
  /** Called when the process ends and nobody here asked for it. */
  onDeath(listener: (how: string) => void): void;
}

/** What differs between Postgres and Redis. */
export interface StoreKind {
  readonly name: 'postgres' | 'redis';
  readonly stopSignal: NodeJS.Signals;
  readonly stopSeconds: number;
  readonly startSeconds: number;
  readonly dir: string;
  readonly port: number;
  readonly url: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly env?: NodeJS.ProcessEnv;
  command(): { readonly file: string; readonly args: string[]; readonly argv0?: string };
  /** True when the server answers; asked again and again until it does or has ended. */
  isReady(pid: number): Promise<boolean>;
  /** True when what stopped it from starting, by its log, goes away by itself. */
  isPassing?(log: string): boolean;
  /** One line that can be acted on, when its log says why it does not start; null for what nobody foresaw. */
  advice?(log: string): string | null;
}

const pollMs = 15;
const passingSeconds = 15;

/** Starts the process and waits until it answers. Rejects with the end of its log when it does not. */
export async function startStore(kind: StoreKind): Promise<Store> {
  mkdirSync(kind.dir, { recursive: true });
  const processFile = join(kind.dir, 'process.json');
  const logFile = join(kind.dir, 'server.log');
  const deathListeners: ((how: string) => void)[] = [];
  let child: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();
  let asked = false;

  async function start(): Promise<void> {
    await stopOrphan(processFile, kind);
    const deadline = Date.now() + passingSeconds * 1000;
    for (;;) {
      try {
        await startOnce();
        return;
      } catch (error) {
        const passing = kind.isPassing?.(endOf(logFile)) ?? false;
        if (!passing || Date.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  async function startOnce(): Promise<void> {
    // While it starts its end is told by the rejection.
    asked = true;
    keepPreviousLog(logFile);
    const log = openSync(logFile, 'a');
    const { file, args, argv0 } = kind.command();
    // A session of its own: Ctrl-C in the terminal reaches the whole group, and the stores stop last.
    const started = spawn(file, args, {
      detached: true,
      stdio: ['ignore', log, log],
      ...(argv0 === undefined ? {} : { argv0 }),
      cwd: '/',
      ...(kind.user === undefined ? {} : { uid: kind.user.uid, gid: kind.user.gid }),
      ...(kind.env === undefined ? {} : { env: kind.env }),
    });
    closeSync(log);
    let forget = () => {};
    let failure: Error | null = null;
    ended = new Promise((resolve) => {
      started.once('error', (error) => {
        failure = error;
        resolve();
      });
      started.once('exit', (code, signal) => {
        forget();
        if (child === started) child = null;
        rmSync(processFile, { force: true });
        resolve();
        if (!asked) for (const listener of deathListeners) listener(signal ?? `code ${code}`);
      });
    });
    if (started.pid === undefined) {
      await ended;
      throw new Error(`${kind.name} could not be started from ${file}`, { cause: failure });
    }
    child = started;
    forget = mopUpProcess(started.pid, { signal: kind.stopSignal, last: true });
    const identity = identityOf(started.pid);
    writeFileSync(processFile, JSON.stringify({ pid: started.pid, identity, port: kind.port }));
    await untilReady(started, started.pid);
    asked = false;
  }

  async function untilReady(started: ChildProcess, pid: number): Promise<void> {
    const deadline = Date.now() + kind.startSeconds * 1000;
    while (Date.now() < deadline) {
      if (started.exitCode !== null || started.signalCode !== null) {
        const log = endOf(logFile);
        throw new Error(
          kind.advice?.(log) ?? `${kind.name} ended while it started; its log ends with:\n${log}`,
        );
      }
      if (await kind.isReady(pid)) return;
      await sleep(pollMs);
    }
    await kill();
    throw new Error(
      `${kind.name} did not answer within ${kind.startSeconds} s; its log ends with:\n${endOf(logFile)}`,
    );
  }

  async function end(signal: NodeJS.Signals, seconds: number): Promise<void> {
    asked = true;
    if (child === null) return ended;
    // A frozen process (SIGSTOP) would never act on the polite signal.
    child.kill('SIGCONT');
    child.kill(signal);
    const timer = setTimeout(() => child?.kill('SIGKILL'), seconds * 1000);
    await ended;
    clearTimeout(timer);
  }

  async function kill(): Promise<void> {
    asked = true;
    child?.kill('SIGKILL');
    await ended;
  }

  async function stop(): Promise<void> {
    await end(kind.stopSignal, kind.stopSeconds);
  }

  await start();
  return {
    url: kind.url,
    port: kind.port,
    get pid() {
      return child?.pid ?? null;
    },
    stop,
    kill,
    async restart() {
      await stop();
      await start();
    },
    onDeath(listener) {
      deathListeners.push(listener);
    },
  };
}

/** The port this folder's store had last time, so that an address written down stays true when it can. */
export function lastPort(dir: string): number {
  try {
    return Number(readFileSync(join(dir, 'port'), 'utf8')) || 0;
  } catch {
    return 0;
  }
}

export function rememberPort(dir: string, port: number): void {
  writeFileSync(join(dir, 'port'), String(port));
}

/** Two servers on one folder would destroy it: one left over from a killed parent is stopped first. */
async function stopOrphan(processFile: string, kind: StoreKind): Promise<void> {
  if (!existsSync(processFile)) return;
  const { pid, identity } = JSON.parse(readFileSync(processFile, 'utf8')) as {
    pid: number;
    identity: string | null;
  };
  const alive = () => identity !== null && isSameProcess(pid, identity);
  const signals: [NodeJS.Signals, number][] = [
    ['SIGCONT', 0],
    [kind.stopSignal, kind.stopSeconds],
    ['SIGKILL', 2],
  ];
  for (const [signal, seconds] of signals) {
    if (!alive()) break;
    try {
      process.kill(pid, signal);
    } catch {
      break;
    }
    const deadline = Date.now() + seconds * 1000;
    while (alive() && Date.now() < deadline) await sleep(pollMs);
  }
  rmSync(processFile, { force: true });
}

function keepPreviousLog(logFile: string): void {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.previous`);
}

function endOf(logFile: string): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
  } catch {
    return '(no log)';
  }
}
