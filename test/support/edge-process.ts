import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { mopUpProcess } from '@holdfast/runtime/local-stores';

/** An edge as it runs in production, which a test may kill. */
export interface EdgeProcess {
  url: string;
  port: number;
  pid: number;
  /** What it wrote to its log so far. */
  log(): string;
  /** `kill -9`; twice is once. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves with the exit code when it is gone, null when a signal ended it. */
  stop(): Promise<number | null>;
  /** Memory that it occupies, bytes. */
  residentBytes(): number;
}

/** Resolves when it listens. Throws with its log when it ends before that. */
export async function startEdge(env: Record<string, string>): Promise<EdgeProcess> {
  const child = spawn(process.execPath, ['apps/edge/src/main.ts'], {
    env: { PATH: process.env['PATH'], EDGE_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const forget = child.pid === undefined ? () => undefined : mopUpProcess(child.pid);
  const gone = once(child, 'exit').finally(forget);
  const lines: string[] = [];
  child.stderr.on('data', (chunk) => void lines.push(String(chunk)));
  const port = await portOf(child, lines);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid as number,
    log: () => lines.join('\n'),
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async stop() {
      child.kill('SIGTERM');
      return (await gone)[0] as number | null;
    },
    residentBytes: () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
  };
}

function portOf(child: ChildProcess, lines: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('The edge has no output');
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const port = /"port":(\d+).*the edge is open/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('exit', () => reject(new Error(`The edge ended: ${lines.join('\n')}`)));
  });
}
