import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { identityOf } from './process-identity.ts';

let guard: ChildProcess | null = null;

export interface MopUpOptions {
  /** How the process is asked to stop. */
  readonly signal?: NodeJS.Signals;
  /** Stop it only after those that are not last. */
  readonly last?: boolean;
}

/**
 * Makes sure that a child is stopped even when this process is killed with `kill -9`.
 * Returns a function that forgets it again, to be called when the child has ended.
 */
export function mopUpProcess(pid: number, options: MopUpOptions = {}): () => void {
  const identity = identityOf(pid);
  if (identity === null) return () => {};
  tell({ watch: pid, identity, signal: options.signal ?? 'SIGTERM', last: options.last ?? false });
  return () => tell({ forget: pid });
}

/** Makes sure that a temporary folder is removed when this process ends, however it ends. */
export function mopUpFolder(folder: string): void {
  tell({ remove: folder });
}

function tell(order: object): void {
  guard ??= startGuard();
  guard.stdin?.write(`${JSON.stringify(order)}\n`);
}

function startGuard(): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./guard.ts', import.meta.url))], {
    // In a session of its own: what kills our process group must not kill the one who clears up after it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => {});
  child.stdin?.on('error', () => {});
  // It must never keep this process alive.
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return child;
}
