import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { removePostgres, type Store, startPostgres, startRedis, temporaryFolder } from './index.ts';

const folder = temporaryFolder('local-stores');
const started: Store[] = [];

afterAll(async () => {
  await Promise.all(started.map((store) => store.stop()));
  removePostgres(join(folder, 'postgres'));
  rmSync(folder, { recursive: true, force: true });
});

describe('a private Postgres', () => {
  test('keeps what was committed through kill -9 in the middle of a statement, on the same port', async () => {
    const postgres = await startPostgres({ dir: join(folder, 'postgres') });
    started.push(postgres);
    const { url, port } = postgres;
    await query(url, 'create table kept (n int)');
    await query(url, 'insert into kept values (1)');
    const busy = query(url, 'select pg_sleep(60)').catch(() => 'cut off');
    await postgres.kill();
    expect(postgres.pid).toBeNull();
    await postgres.restart();
    expect(await busy).toBe('cut off');
    expect(postgres.port).toBe(port);
    expect(await query(url, 'select n from kept')).toEqual([{ n: 1 }]);
  });

  test('is durable, and reachable from this machine only', async () => {
    const [postgres] = started as [Store];
    const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'max_connections'];
    const rows = await query(
      postgres.url,
      `select name, setting from pg_settings where name in (${names.map((name) => `'${name}'`).join()})`,
    );
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      max_connections: '100',
    });
  });

  test('starts although the pid in its old lock file belongs to another program now', async () => {
    const [postgres] = started as [Store];
    const [{ data_directory: data } = {}] = await query(postgres.url, 'show data_directory');
    await postgres.kill();
    writeFileSync(
      join(String(data), 'postmaster.pid'),
      `${process.pid}\n${data}\n1\n${postgres.port}\n\n\n\n`,
    );
    await postgres.restart();
    expect(await query(postgres.url, 'select n from kept')).toEqual([{ n: 1 }]);
  });
});

describe('a private Redis', () => {
  test('keeps every acknowledged write through kill -9, on the same port', async () => {
    const store = await startRedis({ dir: join(folder, 'redis') });
    started.push(store);
    for (let round = 1; round <= 3; round += 1) {
      const client = new Redis(store.url);
      expect(await client.incr('rounds')).toBe(round);
      client.disconnect();
      await store.kill();
      await store.restart();
    }
  });

  test('has the settings that the gate needs', async () => {
    const store = started.at(-1) as Store;
    const client = new Redis(store.url);
    const wanted = {
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'maxmemory-policy': 'noeviction',
      'stream-node-max-entries': '128',
      bind: '127.0.0.1',
    };
    for (const [name, value] of Object.entries(wanted)) {
      expect([name, await client.config('GET', name)]).toEqual([name, [name, value]]);
    }
    client.disconnect();
  });

  test('says when it dies without being asked', async () => {
    const store = started.at(-1) as Store;
    const { promise, resolve } = Promise.withResolvers<string>();
    store.onDeath(resolve);
    process.kill(store.pid as number, 'SIGKILL');
    expect(await promise).toBe('SIGKILL');
  });

  test('takes another port than the one that is taken', async () => {
    const store = started.at(-1) as Store;
    const squatter = createServer().listen(store.port, '127.0.0.1');
    await once(squatter, 'listening');
    const other = await startRedis({ dir: join(folder, 'redis') });
    started.push(other);
    expect(other.port).not.toBe(store.port);
    squatter.close();
  });
});

test('stores and temporary folders do not outlive a program that is killed with kill -9', async () => {
  const program = `
    import { startPostgres, startRedis, temporaryFolder } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
    const folder = temporaryFolder('killed');
    const stores = await Promise.all([startPostgres({ dir: folder + '/postgres' }), startRedis({ dir: folder + '/redis' })]);
    console.log(JSON.stringify({ folder, pids: stores.map((store) => store.pid) }));
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname });
  let said = '';
  child.stdout.on('data', (piece) => {
    said += piece;
  });
  await once(child, 'close');
  const { folder: left, pids } = JSON.parse(said) as { folder: string; pids: number[] };
  expect(pids).toHaveLength(2);
  const givenUpAt = Date.now() + 8_000;
  const remains = () => [...pids.filter(isAlive), ...(existsSync(left) ? readdirSync(left) : [])];
  while (remains().length > 0 && Date.now() < givenUpAt) await sleep(20);
  expect(remains()).toEqual([]);
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
