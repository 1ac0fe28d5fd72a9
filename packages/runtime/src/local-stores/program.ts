import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { searchPath } from './config.ts';

const run = promisify(execFile);

export interface WantedProgram<Found> {
  /** As people call it: `Redis`. */
  readonly name: string;
  find(): Found | null;
  /** Packages of Debian and Ubuntu; of Homebrew, when it has it. */
  readonly apt: string;
  readonly brew?: string;
  /** What to paste on other systems. */
  readonly paste: {
    readonly dnf: string;
    readonly apk: string;
    readonly pacman: string;
    readonly other: string;
  };
  readonly installSeconds: number;
}

/**
 * Finds a program, installing it when that is possible without asking.
 * Throws one line that can be pasted when it is not.
 */
export async function programOf<Found>(
  wanted: WantedProgram<Found>,
  say: (line: string) => void,
): Promise<Found> {
  const found = wanted.find();
  if (found !== null) return found;
  const { name, installSeconds } = wanted;
  const install = installation(wanted);
  if (install === null) throw new Error(`${name} is missing. Install it with: ${pasteLine(wanted)}`);
  say(`${name} is missing: installing it (${install.map((step) => step.join(' ')).join(' && ')})`);
  const giveUpAt = Date.now() + installSeconds * 1000;
  for (;;) {
    try {
      for (const [file, ...args] of install) {
        await run(file as string, args, { timeout: installSeconds * 1000 });
      }
      break;
    } catch (cause) {
      // Another process is installing, perhaps this very program: its lock is a matter of seconds.
      if (!String(cause).includes('lock') || Date.now() > giveUpAt)
        throw new Error(
          `${name} is missing and could not be installed. Install it with: ${pasteLine(wanted)}`,
          {
            cause,
          },
        );
      await sleep(1_000);
    }
  }
  const installed = wanted.find();
  if (installed === null) throw new Error(`${name} is still missing. Install it with: ${pasteLine(wanted)}`);
  return installed;
}

/** The whole path of an executable, or null. */
export function onPath(name: string): string | null {
  // Services often live outside an ordinary user's PATH.
  const folders = [
    ...searchPath().split(delimiter),
    '/usr/bin',
    '/usr/sbin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
  ];
  for (const folder of folders) {
    if (folder === '') continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

function installation({ apt: packages, brew }: WantedProgram<unknown>): string[][] | null {
  if (onPath('apt-get') !== null) {
    const asRoot = process.getuid?.() === 0 ? [] : sudo();
    if (asRoot === null) return null;
    const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];
    return [
      [...apt, 'update'],
      [...apt, 'install', '-y', '--no-install-recommends', packages],
    ];
  }
  if (brew !== undefined && onPath('brew') !== null) return [['brew', 'install', '--quiet', brew]];
  return null;
}

function sudo(): string[] | null {
  if (onPath('sudo') === null) return null;
  try {
    execFileSync('sudo', ['-n', 'true'], { stdio: 'ignore', timeout: 5000 });
    return ['sudo', '-n'];
  } catch {
    return null;
  }
}

function pasteLine({ apt, paste }: WantedProgram<unknown>): string {
  if (onPath('apt-get') !== null) {
    const update = `apt-get update && apt-get install -y ${apt}`;
    return process.getuid?.() === 0 ? update : `sudo sh -c '${update}'`;
  }
  if (onPath('dnf') !== null) return paste.dnf;
  if (onPath('apk') !== null) return paste.apk;
  if (onPath('pacman') !== null) return paste.pacman;
  return paste.other;
}
