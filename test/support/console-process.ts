import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { mopUpProcess } from '@holdfast/runtime/local-stores';

/** A console as it runs in production, which a test may kill. */
export interface ConsoleProcess {
  url: string;
  /** What it wrote to its log so far. */
  log(): string;
  /** `kill -9`; twice is once. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Resolves when it listens. Throws with its log when it ends before that. */
export async function startConsole(env: Record<string, string>): Promise<ConsoleProcess> {
  const child = spawn(process.execPath, ['apps/console/src/main.ts'], {
    env: { PATH: process.env['PATH'], CONSOLE_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const forget = child.pid === undefined ? () => undefined : mopUpProcess(child.pid);
  const gone = once(child, 'exit').finally(forget);
  const lines: string[] = [];
  const port = await portOf(child, lines);
  return {
    log: () => lines.join('\n'),
    url: `http://127.0.0.1:${port}`,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function portOf(child: ChildProcess, lines: string[]): Promise<number> {
  child.stderr?.on('data', (chunk) => void lines.push(String(chunk)));
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('The console has no output');
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const port = /"port":(\d+).*the console is open/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('exit', () => reject(new Error(`The console ended: ${lines.join('\n')}`)));
  });
}
