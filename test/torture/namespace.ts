import { onPath } from '@holdfast/runtime/local-stores';

/** Set for the program that was begun again in a namespace of its own. */
const mark = 'HOLDFAST_TORTURE_NAMESPACE';

/**
 * Begins this program again where its mounts are seen by nobody else, and are gone with the last of its processes,
 * however they end. Does nothing when that has happened already, or cannot be.
 */
export function inOwnNamespace(): void {
  const unshare = onPath('unshare');
  if (isInOwnNamespace() || process.getuid?.() !== 0 || process.platform !== 'linux') return;
  if (unshare === null || process.execve === undefined) return;
  const args = ['unshare', '--mount', process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(unshare, args, { ...process.env, [mark]: 'yes' });
}

export function isInOwnNamespace(): boolean {
  return process.env[mark] === 'yes';
}
