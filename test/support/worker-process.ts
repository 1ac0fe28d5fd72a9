import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { mopUpProcess } from '@holdfast/runtime/local-stores';

/** A worker as it runs in production, which a test may kill. */
export interface WorkerProcess {
  /** What it wrote to its log so far. */
  log(): string;
  /** `kill -9`; twice is once. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Resolves when it works. Throws with its log when it ends before that. */
export async function startWorker(env: Record<string, string>): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ['apps/worker/src/main.ts'], {
    env: { PATH: process.env['PATH'], WORKER_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const forget = child.pid === undefined ? () => undefined : mopUpProcess(child.pid);
  const gone = once(child, 'exit').finally(forget);
  const lines: string[] = [];
  child.stderr.on('data', (piece) => void lines.push(String(piece)));
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      if (line.includes('worker is ready')) resolve();
    });
    child.once('exit', () => reject(new Error(`The worker ended: ${lines.join('\n')}`)));
  });
  return {
    log: () => lines.join('\n'),
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
