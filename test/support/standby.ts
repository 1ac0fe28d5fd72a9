/** A replica of a private Postgres: streaming, until it is cut off and promoted. */
import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { openFaultyLine } from './faulty-line.ts';
import { until } from './sales.ts';
import { freshPostgres, type PrivateStore } from './stores.ts';

export interface Standby {
  store: PrivateStore;
  /** Resolves when it has all that the primary has committed. */
  caughtUp(): Promise<void>;
  /** From now on the primary's commits do not reach it. */
  cutOff(): void;
  /** It takes writes, with what it has. */
  promote(): Promise<void>;
  close(): Promise<void>;
}

export async function openStandby(primary: PrivateStore): Promise<Standby> {
  const line = await openFaultyLine(primary.port);
  const store = await freshPostgres();
  const folder = await dataFolder(store.url);
  await store.stop();
  await copyRunning(primary, folder);
  writeFileSync(join(folder, 'standby.signal'), '');
  writeFileSync(
    join(folder, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${line.port} user=holdfast'\nwal_retrieve_retry_interval = '200ms'\n`,
  );
  own(folder);
  await store.restart();
  return {
    store,
    async caughtUp() {
      const [now] = await ask<{ lsn: string }>(primary.url, 'select pg_current_wal_lsn() as lsn');
      await until('the replica to catch up', async () => {
        const [seen] = await ask<{ there: boolean }>(
          store.url,
          'select pg_last_wal_replay_lsn() >= $1::pg_lsn as there',
          [now?.lsn],
        );
        return seen?.there === true;
      });
    },
    cutOff: line.cut,
    async promote() {
      await ask(store.url, 'select pg_promote()');
    },
    close: line.close,
  };
}

/** What pg_basebackup does; the private Postgres comes without it. */
async function copyRunning(primary: PrivateStore, target: string): Promise<void> {
  const client = new pg.Client(primary.url);
  await client.connect();
  try {
    const source = await dataFolder(primary.url);
    await client.query(`select pg_backup_start('standby', true)`);
    for (const name of readdirSync(target)) rmSync(join(target, name), { recursive: true });
    execFileSync('cp', ['-a', `${source}/.`, target]);
    rmSync(join(target, 'postmaster.pid'), { force: true });
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    writeFileSync(join(target, 'backup_label'), rows[0]?.labelfile ?? '');
  } finally {
    await client.end();
  }
}

/** As root, another account runs Postgres. */
function own(folder: string): void {
  const { uid, gid } = statSync(folder);
  for (const name of readdirSync(folder)) chownSync(join(folder, name), uid, gid);
}

async function dataFolder(url: string): Promise<string> {
  const [row] = await ask<{ data_directory: string }>(url, 'show data_directory');
  return row?.data_directory ?? '';
}

async function ask<Row extends pg.QueryResultRow>(
  url: string,
  statement: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(statement, values)).rows;
  } finally {
    await client.end();
  }
}
