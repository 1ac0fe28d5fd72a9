import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '@holdfast/ledger';
import { buildPages } from './build-pages.ts';
import { appEnvironment } from './config.ts';
import { keptSecret } from './kept-secret.ts';
import { choosePorts, type PortWishes } from './ports.ts';
import { openPrivateStores } from './private-stores.ts';
import { type App, supervise } from './supervise.ts';

export interface StackOptions {
  /** Keeps the stores, the logs and the admin key. */
  readonly dir: string;
  readonly workers: number;
  readonly edges: number;
  /** Absent: any free ones. */
  readonly ports?: PortWishes;
  readonly host?: string;
  readonly adminKey?: string | undefined;
  readonly challengeSecret?: string | undefined;
  readonly databaseUrl?: string | undefined;
  readonly redisUrl?: string | undefined;
  /** Further settings of the apps. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told what happens to the processes, one line each. */
  readonly say?: (line: string) => void;
  /** Gives the start up; what was started is stopped before the rejection. */
  readonly signal?: AbortSignal;
}

export interface Stack {
  readonly edges: readonly URL[];
  readonly console: { readonly url: URL; readonly key: string };
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Running processes by name: `worker 1`, `edge 1`, `console`, and the private stores `postgres` and `redis`. */
  pids(): Record<string, number>;
  /** Starts the apps again with the code that is on the disk now. */
  restartApps(): Promise<void>;
  /** Stops the apps, and the stores last. Twice is once. */
  stop(): Promise<void>;
}

const readySeconds = 60;
const pollMs = 50;
/** So many deaths before it was ever ready: it will not get better. */
const hopelessDeaths = 4;
/** Only edges take money, and set challenges. */
const edgeKeys = ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'CHALLENGE_SECRET'];

/** Everything on one machine, each app a process of its own. Resolves when every edge and the console are ready. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dir, host = '127.0.0.1', say = () => {}, signal } = options;
  mkdirSync(join(dir, 'logs'), { recursive: true });
  const key = options.adminKey ?? keptSecret(dir, 'admin-key');
  const pages = buildPages(say);
  const stores = await openPrivateStores({ ...options, say });
  const apps: App[] = [];
  let stopped: Promise<void> | undefined;

  async function stop(): Promise<void> {
    await Promise.all(apps.map((app) => app.stop()));
    await stores.stop();
  }

  function start(
    app: 'edge' | 'worker' | 'console',
    name: string,
    own: Record<string, string>,
    withheld: string[],
  ): App {
    const common = { REDIS_URL: stores.redisUrl, HOST: host, ...options.env };
    const logFile = join(dir, 'logs', `${name.replace(' ', '-')}.log`);
    const started = supervise({
      name,
      app,
      logFile,
      say,
      env: appEnvironment({ ...common, ...own }, withheld),
    });
    apps.push(started);
    return started;
  }

  try {
    signal?.throwIfAborted();
    await migrate(stores.databaseUrl);
    signal?.throwIfAborted();
    const ports = await choosePorts(options.ports ?? { edge: 0, console: 0 }, options.edges, host);
    await pages;
    const database = { DATABASE_URL: stores.databaseUrl };
    for (let number = 1; number <= options.workers; number += 1) {
      start('worker', `worker ${number}`, { ...database, WORKER_PORT: '0' }, ['ADMIN_KEY', ...edgeKeys]);
    }
    const consoleApp = start(
      'console',
      'console',
      { ...database, CONSOLE_PORT: String(ports.console), ADMIN_KEY: key },
      edgeKeys,
    );
    const challengeSecret = options.challengeSecret ?? keptSecret(dir, 'challenge-secret');
    const edges = ports.edges.map((port) => addressOf(host, port));
    // The buyers' side holds no credential of the database and no key.
    const edgeApps = ports.edges.map((port, index) => {
      const peers = edges.filter((_, other) => other !== index).map(({ origin }) => origin);
      const own = {
        EDGE_PORT: String(port),
        CHALLENGE_SECRET: challengeSecret,
        ...(peers.length > 0 && { PEER_EDGES: peers.join(',') }),
      };
      return start('edge', `edge ${index + 1}`, own, ['DATABASE_URL', 'ADMIN_KEY']);
    });
    const consoleUrl = addressOf(host, ports.console);
    await Promise.all([
      untilReady(consoleApp, consoleUrl, apps, signal),
      ...edgeApps.map((app, index) => untilReady(app, edges[index] as URL, apps, signal)),
    ]);
    return {
      edges,
      console: { url: consoleUrl, key },
      databaseUrl: stores.databaseUrl,
      redisUrl: stores.redisUrl,
      pids: () =>
        runningPids([
          ...apps,
          { name: 'postgres', ...pidOf(stores.postgres) },
          { name: 'redis', ...pidOf(stores.redis) },
        ]),
      async restartApps() {
        await buildPages(say);
        await Promise.all(apps.map((app) => app.restart()));
      },
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilReady(
  app: App,
  url: URL,
  all: readonly App[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = Date.now() + readySeconds * 1000;
  for (;;) {
    signal?.throwIfAborted();
    const lost = all.find((other) => other.hopeless || other.deaths >= hopelessDeaths);
    if (lost !== undefined)
      throw new Error(`${lost.name} does not start; its log ends with:\n${lost.lastWords()}`);
    const answer = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(2_000) }).catch(
      () => null,
    );
    await answer?.body?.cancel();
    if (answer?.ok) return;
    if (Date.now() > deadline) {
      throw new Error(
        `${app.name} is not ready after ${readySeconds} s; its log ends with:\n${app.lastWords()}`,
      );
    }
    await sleep(pollMs);
  }
}

/** An address to be called from this machine, also when the apps listen on all of its interfaces. */
function addressOf(host: string, port: number): URL {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return new URL(`http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`);
}

function pidOf(store: { pid: number | null } | null): { pid: number | null } {
  return { pid: store?.pid ?? null };
}

function runningPids(processes: readonly { name: string; pid: number | null }[]): Record<string, number> {
  return Object.fromEntries(processes.flatMap(({ name, pid }) => (pid === null ? [] : [[name, pid]])));
}
