import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '@holdfast/ledger';
import {
  removePostgres,
  type Store,
  startPostgres,
  startRedis,
  temporaryFolder,
} from '@holdfast/runtime/local-stores';
import pg from 'pg';
import { afterAll, inject } from 'vitest';

/** A store of one test's own, which it may kill. */
export type PrivateStore = Store & { dir: string };

const cleanups: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The address of an empty, migrated database of its own. */
export async function freshDatabase(): Promise<string> {
  const server = inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(server, `create database ${name} template ${inject('template')}`);
  cleanups.push(() => onServer(server, `drop database if exists ${name} with (force)`));
  const url = new URL(server);
  url.pathname = name;
  return url.href;
}

/** A Redis of its own, durable as in production. */
export async function freshRedis(
  settings: Record<string, string> = {},
  dir = folderFor('redis'),
): Promise<PrivateStore> {
  const store = await startRedis({ dir, settings });
  cleanups.push(() => store.stop());
  return Object.assign(store, { dir });
}

/** A Postgres of its own, migrated, for tests that kill it. */
export async function freshPostgres(
  settings: Record<string, string> = {},
  dir = folderFor('postgres'),
): Promise<PrivateStore> {
  const store = await startPostgres({ dir, settings });
  cleanups.push(async () => {
    await store.stop();
    removePostgres(dir);
  });
  await migrate(store.url);
  return Object.assign(store, { dir });
}

export interface SmallDisk {
  dir: string;
  /** Leaves so many bytes free. */
  fill(freeBytes: number): void;
  empty(): void;
}

/** A file system of its own that can be full; null where that cannot be made (it needs root). */
export function smallDisk(megabytes: number): SmallDisk | null {
  const dir = folderFor('disk');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', dir], {
      stdio: 'ignore',
    });
  } catch {
    return null;
  }
  cleanups.push(async () => void execFileSync('umount', ['-l', dir]));
  const ballast = join(dir, 'ballast');
  return {
    dir,
    fill(freeBytes) {
      const { bavail, bsize } = statfsSync(dir);
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - freeBytes)));
    },
    empty: () => rmSync(ballast, { force: true }),
  };
}

function folderFor(name: string): string {
  const dir = temporaryFolder(name);
  cleanups.push(async () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
