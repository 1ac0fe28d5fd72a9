import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { surroundings } from './config.ts';
import { freePort } from './free-port.ts';
import { isReachable, type PostgresBinaries, postgresBinaries, systemFolder } from './postgres-binary.ts';
import { commandOf } from './process-identity.ts';
import { lastPort, rememberPort, type Store, startStore } from './store-process.ts';
import { type StoreUser, storeUser } from './store-user.ts';

export interface PostgresOptions {
  /** Its folder: data, log, port. Made when missing. */
  readonly dir: string;
  /** Absent: the port of last time when it is free, else any free one. */
  readonly port?: number;
  /** Further settings, as in postgresql.conf: `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const run = promisify(execFile);
const initSeconds = 60;
const role = 'holdfast';
const database = 'holdfast';
/** An unknown locale in the environment would stop the server. */
const locale = { LC_ALL: 'C' };

/** Durable, on loopback only, and small enough to share a laptop with the rest. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  max_connections: '100',
  shared_buffers: '128MB',
  // Fewer checkpoints in the middle of a rush; recovery after a crash still takes seconds.
  max_wal_size: '2GB',
  // Short statements by the thousand: compiling them costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Starts a private Postgres on 127.0.0.1 and waits until it answers; its url names a database of its own. */
export async function startPostgres(options: PostgresOptions): Promise<Store> {
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const user = storeUser();
  const place = { dir, data: dataFolder(dir, user), user, binaries: postgresBinaries(user) };
  await makeCluster(place);
  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort(attempt === 1 ? lastPort(dir) : 0));
    try {
      const store = await startOn(port, place, options);
      rememberPort(dir, port);
      await makeDatabase(port);
      return store;
    } catch (error) {
      // Between finding a free port and binding it, somebody else may have taken it.
      if (attempt === attempts || !String(error).includes('Address already in use')) throw error;
    }
  }
}

/** Removes what a stopped Postgres of this folder keeps, wherever it is. */
export function removePostgres(dir: string): void {
  if (!existsSync(dir)) return;
  rmSync(dataFolder(resolve(dir), storeUser()), { recursive: true, force: true });
  rmSync(resolve(dir), { recursive: true, force: true });
}

interface Place {
  readonly dir: string;
  readonly data: string;
  readonly user: StoreUser | null;
  readonly binaries: PostgresBinaries;
}

/** Inside the store's folder; for root, whose own folders are often closed to others, where another account can go. */
function dataFolder(dir: string, user: StoreUser | null): string {
  if (user === null || isReachable(join(dir, 'data'), { contents: false })) return join(dir, 'data');
  const name = createHash('sha256')
    .update(`${dir} ${birthmark(dir)}`)
    .digest('hex')
    .slice(0, 16);
  return join(systemFolder, 'data', name);
}

/** So that a new clone where an old one was thrown away does not find the old one's sales. */
function birthmark(dir: string): string {
  const file = join(dir, 'birthmark');
  if (!existsSync(file)) writeFileSync(file, randomUUID());
  return readFileSync(file, 'utf8');
}

async function makeCluster({ data, user, binaries }: Place): Promise<void> {
  if (existsSync(data)) {
    await giveTo(data, user);
    return;
  }
  mkdirSync(dirname(data), { recursive: true, mode: 0o755 });
  // Made aside and renamed: a first start that is interrupted leaves no half cluster behind.
  const draft = `${data}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  chmodSync(draft, 0o700);
  if (user !== null) chownSync(draft, user.uid, user.gid);
  try {
    await run(
      binaries.initdb,
      ['-D', draft, '-U', role, '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-instructions'],
      { cwd: '/', env: surroundings(locale), timeout: initSeconds * 1000, ...accountOf(user) },
    );
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr ?? '';
    throw new Error(`the private Postgres could not be made in ${data}: ${said.trim()}`, { cause });
  }
  renameSync(draft, data);
}

/** The project may have been used by another account before. */
async function giveTo(data: string, user: StoreUser | null): Promise<void> {
  if (user === null || statSync(data).uid === user.uid) return;
  await run('chown', ['-R', `${user.uid}:${user.gid}`, data]);
}

function startOn(
  port: number,
  { dir, data, user, binaries }: Place,
  options: PostgresOptions,
): Promise<Store> {
  const all = Object.entries({ ...settings, ...options.settings });
  return startStore({
    name: 'postgres',
    // Ends open sessions and writes a checkpoint; SIGTERM would wait for the clients to leave.
    stopSignal: 'SIGINT',
    stopSeconds: 4,
    startSeconds: 60,
    dir,
    port,
    url: `postgres://${role}@127.0.0.1:${port}/${database}`,
    ...(user === null ? {} : { user }),
    env: surroundings(locale),
    command: () => {
      forgetStranger(data);
      return {
        file: binaries.postgres,
        args: ['-D', data, '-p', String(port), ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      };
    },
    isReady: (pid) => Promise.resolve(isReady(data, pid)),
    // After `kill -9` its backends need a moment to notice, and it does not start beside them.
    isPassing: (log) => log.includes('shared memory block'),
  });
}

/**
 * A lock file left by `kill -9` names a pid. When that pid now belongs to something else, Postgres would take it for
 * itself and not start; when nobody has it, Postgres clears up itself.
 */
function forgetStranger(data: string): void {
  const pid = Number(lockFile(data)[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const command = commandOf(pid);
  if (command !== null && !command.includes(data)) rmSync(join(data, 'postmaster.pid'), { force: true });
}

/** What pg_ctl does: the server writes its state into its lock file. */
function isReady(data: string, pid: number): boolean {
  const lines = lockFile(data);
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

function lockFile(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

async function makeDatabase(port: number): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: role, database: 'postgres' });
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
}

function accountOf(user: StoreUser | null): { uid?: number; gid?: number } {
  return user === null ? {} : { uid: user.uid, gid: user.gid };
}
