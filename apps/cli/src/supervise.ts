import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { mopUpProcess } from '@holdfast/runtime/local-stores';
import { projectFolder } from './project.ts';

export interface AppOptions {
  /** What people call it: `worker 2`. */
  readonly name: string;
  readonly app: 'edge' | 'worker' | 'console';
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly say: (line: string) => void;
}

export interface App {
  readonly name: string;
  /** Null while it is not running. */
  readonly pid: number | null;
  /** How often it ended without being asked. */
  readonly deaths: number;
  /** True when its settings are wrong, so that starting it again cannot help. */
  readonly hopeless: boolean;
  lastWords(): string;
  /** Ends it in order and starts it again with what is on the disk now. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const stopMs = 5_000;
const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** Who lived as long as this died of something new. */
const healthyMs = 30_000;
const wrongSettings = 78;

/** One app as a process of its own, started again whenever it dies: at once the first time, then ever later. */
export function supervise(options: AppOptions): App {
  const { name, app, env, logFile, say } = options;
  let child: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let wanted = true;
  let asked = false;
  let deaths = 0;
  let inARow = 0;
  let hopeless = false;

  function start(): void {
    asked = false;
    const startedAt = Date.now();
    const log = openSync(logFile, 'a');
    const started = spawn(process.execPath, [`apps/${app}/src/main.ts`], {
      cwd: projectFolder,
      env,
      // An app notices by the channel when its supervisor is gone.
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const forget = started.pid === undefined ? () => {} : mopUpProcess(started.pid);
    child = started;
    ended = new Promise((resolve) => {
      const end = (how: string, code: number | null) => {
        if (child !== started) return;
        child = null;
        forget();
        resolve();
        if (asked || !wanted) return;
        deaths += 1;
        inARow = Date.now() - startedAt > healthyMs ? 1 : inARow + 1;
        hopeless = code === wrongSettings;
        again(how);
      };
      started.once('error', (error) => end(error.message, null));
      started.once('exit', (code, signal) => end(signal ?? `code ${code}`, code));
    });
  }

  function again(how: string): void {
    if (hopeless) {
      say(`${name} ended: its settings cannot be used`);
      return;
    }
    const pauseMs = inARow === 1 ? 0 : Math.min(firstPauseMs * 2 ** (inARow - 2), longestPauseMs);
    say(`${name} ended (${how}); starting it again${pauseMs === 0 ? '' : ` in ${pauseMs} ms`}`);
    timer = setTimeout(start, pauseMs);
  }

  async function end(): Promise<void> {
    asked = true;
    clearTimeout(timer);
    if (child === null) return ended;
    // Frozen processes do not act on the polite signal.
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const deadline = setTimeout(() => child?.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(deadline);
  }

  keepPreviousLog(logFile);
  start();
  return {
    name,
    get pid() {
      return child?.pid ?? null;
    },
    get deaths() {
      return deaths;
    },
    get hopeless() {
      return hopeless;
    },
    lastWords: () => lastLines(logFile),
    async restart() {
      await end();
      if (wanted) start();
    },
    async stop() {
      wanted = false;
      await end();
    },
  };
}

function keepPreviousLog(logFile: string): void {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.previous`);
}

function lastLines(logFile: string): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
  } catch {
    return '(no log)';
  }
}
