/** Everything that a run torments: private stores, the apps as processes, and a line from each app to each of its stores. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '@holdfast/ledger';
import {
  freePort,
  removePostgres,
  type Store,
  startPostgres,
  startRedis,
} from '@holdfast/runtime/local-stores';
import { type App, type AppKind, keepAlive } from './app.ts';
import { type Line, openLine } from './line.ts';

export interface Stage {
  readonly folder: string;
  readonly edges: readonly string[];
  readonly consoleUrl: string;
  readonly adminKey: string;
  readonly apps: readonly App[];
  /** By the app's name and the store's: `worker 1 > postgres`. */
  readonly lines: ReadonlyMap<string, Line>;
  /** The Redis that the apps are led to now. */
  redis: StoreAt;
  readonly postgres: StoreAt;
  app(name: string): App;
  line(app: string, store: 'redis' | 'postgres'): Line | undefined;
  linesTo(store: 'redis' | 'postgres'): Line[];
  /** Resolves when every app is ready; a sentence about who is not, when that takes longer. */
  untilReady(withinMs: number): Promise<string | null>;
  /** Resolves when both stores run; says which of them died in between without being told to. */
  untilStoresRun(): Promise<string>;
  stop(): Promise<void>;
}

export interface StoreAt {
  readonly store: Store;
  readonly dir: string;
}

export interface StageOptions {
  folder: string;
  edges: number;
  workers: number;
  redisDir?: string;
  postgresDir?: string;
  onDeath: (name: string, how: string) => void;
  say: (line: string) => void;
}

const startMs = 60_000;
const lookAgainMs = 50;

export async function openStage(options: StageOptions): Promise<Stage> {
  const { folder, onDeath, say } = options;
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const stops: (() => Promise<unknown>)[] = [];
  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    for (const end of stops.splice(0).reverse()) await end().catch(() => undefined);
  }

  try {
    const redisDir = options.redisDir ?? join(folder, 'redis');
    const fallen: string[] = [];
    const keeper = createKeeper((name, how) => {
      fallen.push(name);
      onDeath(name, how);
    });
    let redis: StoreAt = { store: await startRedis({ dir: redisDir, say }), dir: redisDir };
    stops.push(() => redis.store.stop());
    keeper.keep('redis', redis.store);
    const postgresDir = options.postgresDir ?? join(folder, 'postgres');
    const postgres = { store: await startPostgres({ dir: postgresDir, settings }), dir: postgresDir };
    stops.push(async () => {
      await postgres.store.stop();
      removePostgres(postgresDir);
    });
    keeper.keep('postgres', postgres.store);
    stops.push(() => keeper.close());
    await migrate(postgres.store.url);

    const lines = new Map<string, Line>();
    const apps: App[] = [];
    const addresses: string[] = [];
    const adminKey = 'the-key-of-a-tortured-console';
    let consoleUrl = '';
    stops.push(() => Promise.all([...lines.values()].map((line) => line.close())));
    stops.push(() => Promise.all(apps.map((app) => app.stop())));

    async function add(kind: AppKind, name: string): Promise<void> {
      const port = await freePort();
      const env: Record<string, string> = { ...common, REDIS_URL: await lineTo(name, redis.store, 'redis') };
      if (kind !== 'edge') env['DATABASE_URL'] = await lineTo(name, postgres.store, 'postgres');
      if (kind === 'edge') Object.assign(env, { EDGE_PORT: String(port) });
      if (kind === 'worker') Object.assign(env, { WORKER_PORT: String(port) });
      if (kind === 'console') Object.assign(env, { CONSOLE_PORT: String(port), ADMIN_KEY: adminKey });
      const logFile = join(folder, 'logs', `${name.replace(' ', '-')}.log`);
      const app = keepAlive(kind, name, env, logFile, onDeath);
      apps.push(app);
      const url = `http://127.0.0.1:${port}`;
      addresses.push(url);
      if (kind === 'console') consoleUrl = url;
    }

    async function lineTo(name: string, store: Store, kind: 'redis' | 'postgres'): Promise<string> {
      const line = await openLine(store.port);
      lines.set(`${name} > ${kind}`, line);
      const url = new URL(store.url);
      url.port = String(line.port);
      return url.href;
    }

    for (let number = 1; number <= options.workers; number += 1) await add('worker', `worker ${number}`);
    for (let number = 1; number <= options.edges; number += 1) await add('edge', `edge ${number}`);
    await add('console', 'console');

    const stage: Stage = {
      folder,
      edges: addresses.filter((_, index) => apps[index]?.kind === 'edge'),
      consoleUrl,
      adminKey,
      apps,
      lines,
      get redis() {
        return redis;
      },
      set redis(promoted) {
        redis = promoted;
        keeper.keep('redis', promoted.store);
      },
      postgres,
      app(name) {
        const found = apps.find((app) => app.name === name);
        if (found === undefined) throw new Error(`There is no ${name}`);
        return found;
      },
      line: (app, store) => lines.get(`${app} > ${store}`),
      linesTo: (store) => [...lines].filter(([name]) => name.endsWith(store)).map(([, line]) => line),
      async untilReady(withinMs) {
        const giveUpAt = performance.now() + withinMs;
        for (const [index, app] of apps.entries()) {
          while (!(await isReady(addresses[index] as string))) {
            if (performance.now() > giveUpAt) return `${app.name} is not ready after ${withinMs} ms`;
            await sleep(lookAgainMs);
          }
        }
        return null;
      },
      async untilStoresRun() {
        await keeper.atRest();
        const died = fallen.splice(0);
        return died.length === 0 ? 'nothing died of it' : `died of it: ${died.join(', ')}`;
      },
      stop: () => (stopped ??= stop()),
    };
    const late = await stage.untilReady(startMs);
    if (late !== null) throw new Error(late);
    return stage;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Brings a store back that died without being told to, as often as it takes. */
function createKeeper(onDeath: (name: string, how: string) => void) {
  const starting = new Set<Promise<void>>();
  let closed = false;

  async function bringBack(store: Store): Promise<void> {
    while (!closed && store.pid === null) {
      await sleep(storePauseMs);
      // While its disk is full it dies again at once, or does not start.
      if (!closed) await store.restart().catch(() => undefined);
    }
  }

  return {
    keep(name: string, store: Store): void {
      store.onDeath((how) => {
        if (closed) return;
        onDeath(name, how);
        const back = bringBack(store).finally(() => starting.delete(back));
        starting.add(back);
      });
    },
    async atRest(): Promise<void> {
      while (starting.size > 0) await Promise.all(starting);
    },
    async close(): Promise<void> {
      closed = true;
      await Promise.all(starting);
    },
  };
}

const storePauseMs = 300;

const settings = {
  max_connections: '200',
  max_wal_size: '512MB',
  // The log of a crash-loop is read by people.
  log_min_messages: 'warning',
};

const common = {
  HOST: '127.0.0.1',
  LOG_LEVEL: 'info',
  // Sales of earlier rounds leave Redis while the run goes on.
  TICKET_RETENTION_SECONDS: '900',
};

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(2_000) }).catch(
    () => null,
  );
  await answer?.body?.cancel();
  return answer?.ok === true;
}
