/** A process of the bench: started, spoken to, measured, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

const stopSeconds = 10;

export interface Child {
  pid: number;
  process: ChildProcess;
  logFile: string;
  /** SIGTERM, then SIGKILL after ten seconds. */
  stop(): Promise<void>;
}

export interface ChildSettings {
  file: string;
  args?: string[];
  env?: Record<string, string>;
  logFile: string;
}

/** Runs a TypeScript file under this Node, with a channel for messages and its output in a file. */
export function startChild(settings: ChildSettings): Child {
  const log = openSync(settings.logFile, 'a');
  const child = spawn(process.execPath, [settings.file, ...(settings.args ?? [])], {
    env: { ...process.env, NODE_ENV: 'production', ...settings.env },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  // A message to a child that has just ended: whoever waits for the answer is told that it ended.
  child.on('error', () => undefined);
  if (child.pid === undefined) throw new Error(`starting ${settings.file}`);
  return { pid: child.pid, process: child, logFile: settings.logFile, stop };

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), stopSeconds * 1000);
    await exited;
    clearTimeout(force);
  }
}

/** The next message of a child; a fault when it dies or stays silent. */
export function nextMessage<T>(child: Child, waitSeconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(`was silent for ${waitSeconds} s`), waitSeconds * 1000);
    const onMessage = (message: T) => {
      forget();
      resolve(message);
    };
    const onExit = () => fail('ended');
    child.process.once('message', onMessage as (message: unknown) => void);
    child.process.once('exit', onExit);

    function fail(what: string): void {
      forget();
      reject(new Error(`${child.process.spawnargs[1]} ${what}; its last words:\n${lastWords(child)}`));
    }
    function forget(): void {
      clearTimeout(timer);
      child.process.off('message', onMessage as (message: unknown) => void);
      child.process.off('exit', onExit);
    }
  });
}

export function lastWords(child: Child): string {
  return readFileSync(child.logFile, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
}
