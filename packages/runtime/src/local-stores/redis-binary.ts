import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { searchPath } from './config.ts';

const run = promisify(execFile);
const installSeconds = 180;

export interface RedisBinary {
  readonly file: string;
  /** Debian's redis-check-rdb is redis-server under another name; the name it is called by decides. */
  readonly argv0?: string;
}

/**
 * Finds a Redis or Valkey server, installing one when that is possible without asking.
 * Throws one line that can be pasted when it is not.
 */
export async function redisBinary(say: (line: string) => void = () => {}): Promise<RedisBinary> {
  const found = findRedis();
  if (found !== null) return found;
  const install = installation();
  if (install === null) throw new Error(`Redis is missing. Install it with: ${pasteLine()}`);
  say(`Redis is missing: installing it (${install.map((step) => step.join(' ')).join(' && ')})`);
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
        throw new Error(`Redis is missing and could not be installed. Install it with: ${pasteLine()}`, {
          cause,
        });
      await sleep(1_000);
    }
  }
  const installed = findRedis();
  if (installed === null) throw new Error(`Redis is still missing. Install it with: ${pasteLine()}`);
  return installed;
}

export function findRedis(): RedisBinary | null {
  for (const name of ['redis-server', 'valkey-server']) {
    const file = onPath(name);
    if (file !== null) return { file };
  }
  const twin = onPath('redis-check-rdb');
  if (twin !== null && isServer(twin, 'redis-server')) return { file: twin, argv0: 'redis-server' };
  return null;
}

/**
 * Debian and Ubuntu ship the server's program in `redis-tools`; `redis-server` only adds a system service,
 * which would start on its own and occupy 6379. So the tools are installed, and nothing else starts.
 */
function installation(): string[][] | null {
  if (onPath('apt-get') !== null) {
    const asRoot = process.getuid?.() === 0 ? [] : sudo();
    if (asRoot === null) return null;
    const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];
    return [
      [...apt, 'update'],
      [...apt, 'install', '-y', '--no-install-recommends', 'redis-tools'],
    ];
  }
  if (onPath('brew') !== null) return [['brew', 'install', '--quiet', 'redis']];
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

function pasteLine(): string {
  if (onPath('apt-get') !== null) {
    const update = 'apt-get update && apt-get install -y redis-tools';
    return process.getuid?.() === 0 ? update : `sudo sh -c '${update}'`;
  }
  if (onPath('dnf') !== null) return 'sudo dnf install -y redis || sudo dnf install -y valkey';
  if (onPath('apk') !== null) return 'sudo apk add redis';
  if (onPath('pacman') !== null) return 'sudo pacman -S --noconfirm valkey';
  return 'brew install redis';
}

function isServer(file: string, argv0: string): boolean {
  const asked = spawnSync(file, ['--version'], { argv0, encoding: 'utf8', timeout: 5000 });
  return asked.status === 0 && asked.stdout.includes('server v=');
}

function onPath(name: string): string | null {
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
