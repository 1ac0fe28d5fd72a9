import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { isReachable, type PostgresBinaries, postgresBinaries, systemFolder } from './postgres-binary.ts';
import { lastPort, rememberPort, type Store, startStore } from './store-process.ts';
import { type StoreUser, storeUser } from './store-user.ts';

const run = promisify(execFile);
const initSeconds = 60;
const owner = 'holdfast';

export interface PostgresOptions {
  /** Its folder: data, log, port, password. Made when missing. */
  readonly dir: string;
  /** Absent: the port of last time when it is free, else any free one. */
  readonly port?: number;
  /** Further settings, as in postgresql.conf: `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Durable, on loopback only, and small enough to share a laptop with the rest. */
const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  // Fewer checkpoints in the middle of a rush; recovery after a crash still takes seconds.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // Short statements by the thousand: compiling them costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

/** Starts a private Postgres on 127.0.0.1 and waits until it accepts connections. */
export async function startPostgres(options: PostgresOptions): Promise<Store> {
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const user = storeUser();
  const binaries = postgresBinaries(user);
  const data = dataFolder(dir, user);
  const password = passwordOf(dir);
  if (!existsSync(data)) await initialise(data, password, binaries, user);

  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort(attempt === 1 ? lastPort(dir) : 0));
    try {
      const store = await startOn(port, { dir, data, password, binaries, user, settings: options.settings });
      rememberPort(dir, port);
      return store;
    } catch (error) {
      // Between finding a free port and binding it, somebody else may have taken it.
      if (attempt === attempts || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

/** Removes everything a stopped private Postgres left, also what lies outside its folder. */
export function removePostgres(dir: string): void {
  const data = dataFolder(resolve(dir), storeUser());
  rmSync(data, { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
}

interface Place {
  readonly dir: string;
  readonly data: string;
  readonly password: string;
  readonly binaries: PostgresBinaries;
  readonly user: StoreUser | null;
  readonly settings: Readonly<Record<string, string>> | undefined;
}

async function startOn(port: number, place: Place): Promise<Store> {
  const settings = Object.entries({ ...defaultSettings, ...place.settings, port: String(port) });
  const lockFile = join(place.data, 'postmaster.pid');
  const begin = () =>
    startStore({
      name: 'postgres',
      // Fast shutdown: ends sessions, writes a checkpoint.
      stopSignal: 'SIGINT',
      stopSeconds: 5,
      startSeconds: 60,
      dir: place.dir,
      port,
      url: `postgres://${owner}:${place.password}@127.0.0.1:${port}/postgres`,
      ...(place.user === null ? {} : { user: place.user }),
      command: () => ({
        file: place.binaries.postgres,
        args: ['-D', place.data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      }),
      isReady: async (pid) => saysReady(lockFile, pid),
    });
  return begin();
}

/** Postgres writes its state into line 8 of its lock file, for pg_ctl and for us. */
function saysReady(lockFile: string, pid: number): boolean {
  try {
    const lines = readFileSync(lockFile, 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

async function initialise(
  data: string,
  password: string,
  binaries: PostgresBinaries,
  user: StoreUser | null,
): Promise<void> {
  // Made under another name first: a folder that was left half-made is never taken for a database.
  const draft = `${data}.draft`;
  const passwordFile = `${data}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== null) for (const path of [draft, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    await run(
      binaries.initdb,
      [
        ...['-D', draft, '-U', owner, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
      ],
      { ...(user ?? {}), cwd: '/', timeout: initSeconds * 1000 },
    );
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr ?? '';
    throw new Error(`the private Postgres could not be made in ${data}: ${said.trim()}`, { cause });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, data);
}

/** Usually inside the store's folder; elsewhere when root's folder is closed to the user Postgres runs as. */
function dataFolder(dir: string, user: StoreUser | null): string {
  if (user === null || isReachable(join(dir, 'data'))) return join(dir, 'data');
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  const parent = join(systemFolder, 'data');
  mkdirSync(parent, { recursive: true });
  for (const folder of [systemFolder, parent]) chmodSync(folder, 0o755);
  return join(parent, name);
}

function passwordOf(dir: string): string {
  const file = join(dir, 'password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}
