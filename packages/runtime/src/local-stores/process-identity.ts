import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * Says which process a pid stands for, so that a pid written down earlier is not mistaken for a stranger
 * that was given the same number later. Null when there is no such process.
 */
export function identityOf(pid: number): string | null {
  if (existsSync('/proc/self/stat')) return linuxStartTime(pid);
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? null : `${pid}@${started}`;
  } catch {
    return null;
  }
}

export function isSameProcess(pid: number, identity: string): boolean {
  return identityOf(pid) === identity;
}

/** The command line of a process, or null when there is none. */
export function commandOf(pid: number): string | null {
  if (identityOf(pid) === null) return null;
  try {
    if (existsSync('/proc/self/stat'))
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

function linuxStartTime(pid: number): string | null {
  try {
    // The command, in parentheses, may itself hold spaces and parentheses: count from the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    // A zombie has ended; only its parent has not asked yet.
    if (state === 'Z' || state === 'X') return null;
    return `${pid}@${bootId()}@${fields[19]}`;
  } catch {
    return null;
  }
}

let knownBootId: string | null = null;

function bootId(): string {
  if (knownBootId !== null) return knownBootId;
  try {
    knownBootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    knownBootId = 'unknown';
  }
  return knownBootId;
}
