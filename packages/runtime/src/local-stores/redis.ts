import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { type RedisBinary, redisBinary } from './redis-binary.ts';
import { lastPort, rememberPort, type Store, startStore } from './store-process.ts';

const baseConfig = fileURLToPath(new URL('../../../../infra/redis.conf', import.meta.url));
const answerMs = 1000;

export interface RedisOptions {
  /** Its folder: append-only file, log, port. Made when missing. */
  readonly dir: string;
  /** Absent: the port of last time when it is free, else any free one. */
  readonly port?: number;
  /** `always` unless a test says otherwise. */
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  /** Further settings, as on the command line: `{ maxmemory: '64mb' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told when Redis has to be installed. */
  readonly say?: (line: string) => void;
}

/** Starts a private Redis on 127.0.0.1 with infra/redis.conf and waits until it answers. */
export async function startRedis(options: RedisOptions): Promise<Store> {
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const binary = await redisBinary(options.say);
  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort(attempt === 1 ? lastPort(dir) : 0));
    try {
      const store = await startOn(port, dir, binary, options);
      rememberPort(dir, port);
      return store;
    } catch (error) {
      // Between finding a free port and binding it, somebody else may have taken it.
      if (attempt === attempts || !String(error).includes('Address already in use')) throw error;
    }
  }
}

function startOn(port: number, dir: string, binary: RedisBinary, options: RedisOptions): Promise<Store> {
  const settings = Object.entries(options.settings ?? {}).flatMap(([name, value]) => [`--${name}`, value]);
  return startStore({
    name: 'redis',
    stopSignal: 'SIGTERM',
    stopSeconds: 3,
    startSeconds: 30,
    dir,
    port,
    url: `redis://127.0.0.1:${port}`,
    command: () => ({
      ...binary,
      args: [
        baseConfig,
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'],
        ...['--appendfsync', options.appendfsync ?? 'always'],
        ...settings,
      ],
    }),
    isReady: () => answersPong(port),
    advice: (log) => adviceOn(log, dir),
  });
}

/** Both lose nothing that Postgres has; see infra/RUNBOOK.md. */
function adviceOn(log: string, dir: string): string | null {
  const folder = join(dir, 'appendonlydir');
  if (log.includes('Bad file format reading the append only file'))
    return `the append-only file of Redis is damaged. Move it away, and every gate is rebuilt from Postgres: mv ${folder} ${folder}.damaged`;
  if (log.includes('No space left on device')) return `the disk of Redis is full: make room under ${dir}`;
  return null;
}

/** While it loads its file Redis answers -LOADING, which is not yet ready. */
function answersPong(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1');
    const done = (ready: boolean) => {
      socket.destroy();
      settle(ready);
    };
    socket.setTimeout(answerMs, () => done(false));
    socket.once('error', () => done(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => done(answer.toString().startsWith('+PONG')));
    socket.once('close', () => done(false));
  });
}
