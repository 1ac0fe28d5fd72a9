import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuardedShop, openGuardedShop, playEverything } from '../support/guarded-shop.ts';

describe('the users of infra/redis-users.acl and the roles of infra/postgres-roles.sql', () => {
  let shop: GuardedShop;
  let root: Redis;

  beforeAll(async () => {
    shop = await openGuardedShop();
    root = new Redis(shop.redisUrl('root'));
  }, 180_000);
  afterAll(async () => {
    root.disconnect();
    await shop.close();
  });

  it('are enough for everything that the product does, a rebuild too, and nothing is refused on the way', async () => {
    const refused = () => root.call('ACL', 'LOG') as Promise<unknown[]>;
    await playEverything(shop, async () => void (await root.flushall())).catch(async (error: Error) => {
      throw new Error(`Redis refused ${JSON.stringify(await refused())}`, { cause: error });
    });
    expect(await refused()).toEqual([]);
    for (const [name, log] of [
      ['worker', shop.worker.log()],
      ['edge', shop.edge.log()],
      ['console', shop.console.log()],
    ])
      expect(log, name).not.toMatch(/NOPERM|42501|permission denied/);
  }, 180_000);

  it.each([
    ...everyUser(['FLUSHALL'], ['FLUSHDB'], ['KEYS', '*']),
    // A worker asks, to warn of a Redis that keeps less than it should.
    ['edge', ['CONFIG', 'GET', '*']],
    ['console', ['CONFIG', 'GET', '*']],
    ...everyUser(['CONFIG', 'SET', 'appendfsync', 'no'], ['ACL', 'LIST']),
    ...everyUser(['SCRIPT', 'FLUSH'], ['SHUTDOWN'], ['CLIENT', 'KILL', 'TYPE', 'normal'], ['SAVE']),
    ...everyUser(['GET', 'of-somebody-else'], ['SET', 'of-somebody-else', '1'], ['REPLICAOF', 'no', 'one']),
    // The others look through a gate's tickets for what an older ledger has lost.
    ['edge', ['SCAN', '0']],
    ['edge', ['DEL', '{s0}:sale:shop']],
    ['edge', ['HGETALL', '{s0}:runs:shop']],
    ['edge', ['SET', '{s0}:stage:9:sale:shop', '1']],
    ['edge', ['PUBLISH', '{s0}:news:shop', '1 1']],
    ['edge', ['LRANGE', '{s0}:webhooks:wait', '0', '1']],
    ['edge', ['SUBSCRIBE', 'elsewhere']],
    ['worker', ['SUBSCRIBE', '{s0}:news:shop']],
    ['worker', ['GET', 'limit:address:x']],
    ['console', ['DEL', '{s0}:commit:wait']],
    ['console', ['BZPOPMIN', '{s0}:commit:marker', '0.01']],
    ['console', ['GET', 'limit:address:x']],
  ] as [Parameters<GuardedShop['redisUrl']>[0], string[]][])(
    'Redis refuses %s: %s',
    async (user, command) => {
      const redis = new Redis(shop.redisUrl(user), { maxRetriesPerRequest: 0 });
      redis.on('error', () => undefined);
      try {
        const [name = '', ...args] = command;
        await expect(redis.call(name, ...args)).rejects.toThrow(/NOPERM/);
      } finally {
        redis.disconnect();
      }
    },
  );

  it('leave nothing but a ping to whoever brings no password', async () => {
    const redis = new Redis(`redis://127.0.0.1:${shop.redis.port}`, { enableReadyCheck: false });
    redis.on('error', () => undefined);
    try {
      expect(await redis.ping()).toBe('PONG');
      await expect(redis.get('{s0}:boot')).rejects.toThrow(/NOPERM/);
    } finally {
      redis.disconnect();
    }
  });

  it.each([
    ...everyRole('drop table sales', 'truncate events', 'create table mine (id int)', 'delete from sales'),
    ...everyRole('alter table items drop constraint items_never_oversold', 'delete from reservations'),
    ...everyRole(
      `update events set data = ''`,
      'delete from events',
      'delete from gates',
      'delete from items',
    ),
    ...everyRole('create role mine', 'create schema mine', `update seals set key = ''`),
    ...everyRole(
      'update reservation_lines set quantity = 0',
      'delete from buyers',
      'drop index reservations_due',
    ),
    ['holdfast_worker', 'select * from api_keys'],
    ['holdfast_worker', 'select * from audit_log'],
    ['holdfast_worker', 'select * from requests'],
    ['holdfast_worker', `update webhook_endpoints set url = 'https://elsewhere.example'`],
    ['holdfast_console', `update audit_log set path = ''`],
    ['holdfast_console', 'delete from audit_log'],
    ['holdfast_console', 'delete from webhook_deliveries'],
  ] as [Parameters<GuardedShop['databaseUrl']>[0], string][])(
    'Postgres refuses %s: %s',
    async (role, statement) => {
      const client = new pg.Client(shop.databaseUrl(role));
      await client.connect();
      try {
        await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
      } finally {
        await client.end();
      }
    },
  );

  it('name every table that a migration makes', () => {
    const root = join(import.meta.dirname, '../..');
    const migrations = readFileSync(join(root, 'packages/ledger/src/migrations/index.ts'), 'utf8');
    const roles = readFileSync(join(root, 'infra/postgres-roles.sql'), 'utf8');
    const files = [...migrations.matchAll(/'\.\/(\d{4}-[a-z-]+\.ts)'/g)].map(([, file]) => file as string);
    const tables = files.flatMap((file) =>
      [
        ...readFileSync(join(root, 'packages/ledger/src/migrations', file), 'utf8').matchAll(
          /create table (\w+)/g,
        ),
      ].map(([, table]) => table as string),
    );
    expect(tables.length).toBeGreaterThan(15);
    expect(tables.filter((table) => !new RegExp(`\\b${table}\\b`).test(roles))).toEqual([]);
  });
});

function everyUser(...commands: string[][]): [string, string[]][] {
  return ['edge', 'worker', 'console'].flatMap((user) =>
    commands.map((command): [string, string[]] => [user, command]),
  );
}

function everyRole(...statements: string[]): [string, string][] {
  return ['holdfast_worker', 'holdfast_console'].flatMap((role) =>
    statements.map((statement): [string, string] => [role, statement]),
  );
}
