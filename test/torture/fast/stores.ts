/** One Redis and one Postgres for a whole run. Neither is ever stopped in it, so neither has to write to a disk. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  mopUpFolder,
  removePostgres,
  startPostgres,
  startRedis,
  temporaryFolder,
} from '@holdfast/runtime/local-stores';
import pg from 'pg';

export interface Place {
  redisUrl: string;
  databaseUrl: string;
}

export interface FastStores {
  /** Gates and ledgers that know nothing of each other. */
  places: Place[];
  stop(): Promise<void>;
}

/** `root` is where the sources are whose tables are made. */
export async function startFastStores(places: number, root: string): Promise<FastStores> {
  const folder = temporaryFolder('torture-fast');
  chmodSync(folder, 0o755);
  mopUpFolder(folder);
  const [redisDir, postgresDir] = [join(folder, 'redis'), join(folder, 'postgres')];
  for (const dir of [redisDir, postgresDir]) mkdirSync(dir, { recursive: true });
  const [redis, postgres] = await Promise.all([
    startRedis({ dir: redisDir, settings: { appendonly: 'no', save: '', databases: String(places) } }),
    startPostgres({
      dir: postgresDir,
      settings: {
        max_connections: '400',
        fsync: 'off',
        full_page_writes: 'off',
        synchronous_commit: 'off',
        wal_level: 'minimal',
        max_wal_senders: '0',
        jit: 'off',
        // The tables are small, and emptied again and again.
        autovacuum: 'off',
      },
    }),
  ]);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('create database template_of_all');
  const { migrate } = (await import(pathToFileURL(join(root, 'packages/ledger/src/index.ts')).href)) as Pick<
    typeof import('@holdfast/ledger'),
    'migrate'
  >;
  await migrate(urlOf('template_of_all'));
  for (let place = 0; place < places; place += 1)
    await client.query(`create database place_${place} template template_of_all`);
  await client.end();

  function urlOf(database: string): string {
    const url = new URL(postgres.url);
    url.pathname = `/${database}`;
    return url.href;
  }

  return {
    places: Array.from({ length: places }, (_, place) => ({
      redisUrl: `${redis.url.replace(/\/\d*$/, '')}/${place}`,
      databaseUrl: urlOf(`place_${place}`),
    })),
    async stop() {
      await Promise.all([redis.stop(), postgres.stop()]);
      removePostgres(postgresDir);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
