/** A private Postgres and Redis for one run, durable as in production: fsync on every commit and every command. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import {
  mopUpFolder,
  removePostgres,
  type Store,
  startPostgres,
  startRedis,
} from '../../packages/runtime/src/local-stores/index.ts';

export { freePort } from '../../packages/runtime/src/local-stores/index.ts';

const maxConnections = '200';

export interface Stores {
  postgresPid: number;
  redisPid: number;
  redisUrl: string;
  databaseUrl(database: string): string;
  /** Answers with its address. */
  createDatabase(database: string): Promise<string>;
  stop(): Promise<void>;
}

/** They keep their data under `folder`, which goes when this process goes. `postgresSettings` as in postgresql.conf. */
export async function startStores(
  folder: string,
  postgresSettings: Record<string, string> = {},
): Promise<Stores> {
  // Root's Postgres runs under another account, which has to get into the folder.
  chmodSync(folder, 0o755);
  mopUpFolder(folder);
  const postgresFolder = join(folder, 'postgres');
  const redisFolder = join(folder, 'redis');
  for (const each of [postgresFolder, redisFolder]) mkdirSync(each, { recursive: true });
  const settings = { max_connections: maxConnections, ...postgresSettings };
  const [postgres, redis] = await Promise.all([
    startPostgres({ dir: postgresFolder, settings }),
    startRedis({ dir: redisFolder, appendfsync: 'always' }),
  ]);

  return {
    postgresPid: pidOf(postgres),
    redisPid: pidOf(redis),
    redisUrl: redis.url,
    databaseUrl,
    async createDatabase(database) {
      const client = new pg.Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(`CREATE DATABASE ${database}`);
      await client.end();
      return databaseUrl(database);
    },
    async stop() {
      await Promise.all([postgres.stop(), redis.stop()]);
      removePostgres(postgresFolder);
    },
  };

  function databaseUrl(database: string): string {
    const url = new URL(postgres.url);
    url.pathname = `/${database}`;
    return url.href;
  }
}

function pidOf(store: Store): number {
  if (store.pid === null) throw new Error(`${store.url} ended as soon as it was started`);
  return store.pid;
}
