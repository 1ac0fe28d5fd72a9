import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mopUpProcess, temporaryFolder } from '@holdfast/runtime/local-stores';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/sales.ts';

const preload = pathToFileURL(resolve(import.meta.dirname, 'crash-points.ts')).href;
const adminKey = 'a-key-for-tests-only';

interface App {
  url: string;
  /** Everything that it wrote. */
  output(): string;
  /** How it ended. */
  gone: Promise<NodeJS.Signals | number | null>;
  kill(): Promise<void>;
}

describe('a process that is started with a crash point', () => {
  let house: House;
  const started: App[] = [];
  const folder = temporaryFolder('crash-points');

  beforeAll(async () => {
    house = await openHouse({ workers: 0, edges: 0 });
  });
  afterAll(async () => {
    for (const app of started) await app.kill();
    await house.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(name: 'edge' | 'worker' | 'console', env: Record<string, string>): Promise<App> {
    const app = await startApp(name, {
      REDIS_URL: house.redis.url,
      DATABASE_URL: house.databaseUrl,
      ADMIN_KEY: adminKey,
      NODE_OPTIONS: `--import ${preload}`,
      ...env,
    });
    started.push(app);
    return app;
  }

  it.each(['before:gate:admit', 'after:gate:admit', 'before:answer:1'])(
    'is an edge that dies at %s, and leaves what it took in the intake',
    async (point) => {
      const saleId = await house.openSale();
      const edge = await start('edge', { HOLDFAST_CRASH: point });
      await expect(buy(edge, saleId, 'ada')).rejects.toThrow();
      expect(await edge.gone).toBe('SIGKILL');
      expect(edge.output()).toContain(`crash point ${point.replace(/:1$/, '')}`);
      await house.commit(saleId);
      const rows = await house.rows('select status from reservations where sale_id = $1', [saleId]);
      expect(rows).toEqual(point === 'before:gate:admit' ? [] : [{ status: 'held' }]);
    },
  );

  it.each(['before:ledger:commit', 'after:ledger:commit:2', 'before:gate:settle'])(
    'is a worker that dies at %s, and another does the rest once',
    async (point) => {
      const saleId = await house.openSale();
      const edge = await start('edge', {});
      expect(await buy(edge, saleId, 'ada')).toBe(202);
      const worker = await start('worker', { HOLDFAST_CRASH: point });
      if (point.endsWith(':2'))
        await until('a second commit', async () =>
          buy(edge, saleId, 'bob').then(() => worker.output().includes('crash point')),
        );
      expect(await worker.gone).toBe('SIGKILL');
      await house.commit(saleId);
      const rows = await house.rows<{ status: string }>(
        'select status from reservations where sale_id = $1 and buyer_id = $2',
        [saleId, 'ada'],
      );
      expect(rows).toEqual([{ status: 'held' }]);
    },
  );

  it('is a console that dies after it changed the ledger and before it answered', async () => {
    const saleId = await house.openSale();
    const merchants = await start('console', { HOLDFAST_CRASH: 'after:ledger:commit' });
    await expect(restock(merchants, saleId)).rejects.toThrow();
    expect(await merchants.gone).toBe('SIGKILL');
    expect(await house.rows('select stock from items where sale_id = $1', [saleId])).toEqual([
      { stock: '11' },
    ]);
  });

  it('dies at the same place again when chance has the same seed', async () => {
    const died: string[] = [];
    for (let time = 0; time < 2; time += 1) {
      const saleId = await house.openSale();
      const edge = await start('edge', { HOLDFAST_CRASH: 'random:7:20' });
      await until('the edge to die', async () =>
        buy(edge, saleId, 'ada').then(
          () => false,
          () => true,
        ),
      );
      expect(await edge.gone).toBe('SIGKILL');
      died.push(/crash point (\S+)/.exec(edge.output())?.[1] ?? 'nowhere');
    }
    expect(died[0]).not.toBe('nowhere');
    expect(died[1]).toBe(died[0]);
  });

  it('meets, in an ordinary and in a rebuilt sale, every script, every statement of the commit run, and what it rings and answers', async () => {
    const met = (name: string) => join(folder, name);
    const names = ['edge', 'worker', 'console'] as const;
    const [edge, , merchants] = (await Promise.all(
      names.map((name) => start(name, { HOLDFAST_CRASH_MET: met(name) })),
    )) as [App, App, App];
    const saleId = await house.openSale({ perBuyerLimit: 5, waitlist: true });
    expect(await restock(merchants, saleId)).toBe(200);
    const ticket = await ticketOf(edge, saleId, 'ada');
    expect(await tell(edge, ticket, 'confirm')).toBe(200);
    expect(await tell(edge, await ticketOf(edge, saleId, 'bob'), 'cancel')).toBe(200);
    const audit = await fetch(`${merchants.url}/v1/sales/${saleId}/audit`, { headers: merchantHeaders });
    expect(((await audit.json()) as { ok: boolean }).ok).toBe(true);
    await withRedis(house, (redis) => redis.flushall());
    await until('the gate to be back', async () => (await buy(edge, saleId, 'cy')) === 202);
    await until('an entry to be carried over', async () => {
      // As if a worker had died between the two halves of a rebuild: the next one finds an entry that no ledger knows.
      const at = await house.ledger.readSale(saleId);
      if (at !== null) await house.ledger.fenceRebuild(saleId, at.cursor, at.cursor.epoch);
      await buy(edge, saleId, 'dot');
      return pointsIn(names.map(met)).has('after:gate:stage-entries');
    });
    await until('all of them to be met', async () =>
      expectedPoints().every((point) => pointsIn(names.map(met)).has(point)),
    ).catch(() => undefined);
    const found = pointsIn(names.map(met));
    expect(expectedPoints().filter((point) => !found.has(point))).toEqual([]);
  });
});

/** Read from the sources, so that a new script or statement cannot be left out. */
function expectedPoints(): string[] {
  const room = (path: string) => resolve(import.meta.dirname, '../../packages', path);
  // A lobby's, and an erasure's.
  const rare = new Set(['join', 'place', 'forget', 'requeue', 'restore']);
  const scripts = readdirSync(room('gate/src/lua'))
    .map((file) => file.replace('.lua', ''))
    .filter((name) => !rare.has(name));
  const statements = ['commit-run', 'fence', 'journal', 'tallies'].flatMap((file) =>
    [...readFileSync(room(`ledger/src/${file}.ts`), 'utf8').matchAll(/name: '([a-z-]+)'/g)].map(
      (found) => found[1],
    ),
  );
  // Only a lobby's draw changes a place in line.
  const ofRun = statements.filter((name) => name !== 'place-reservations' && name !== 'read-journal');
  expect(scripts.length).toBeGreaterThan(10);
  expect(ofRun).toContain('fence');
  const verbs = [
    ...scripts.map((name) => `gate:${name}`),
    ...ofRun.map((name) => `ledger:${name}`),
    'ledger:begin',
    'ledger:commit',
    'queue:addStandardJob',
    'answer',
  ];
  return verbs.flatMap((verb) => [`before:${verb}`, `after:${verb}`]);
}

function pointsIn(files: string[]): Set<string> {
  return new Set(files.flatMap((file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [])));
}

const json = { 'Content-Type': 'application/json' };
const merchantHeaders = { ...json, Authorization: `Bearer ${adminKey}` };

async function buy(edge: App, saleId: string, buyerId: string): Promise<number> {
  const answer = await post(`${edge.url}/v1/sales/${saleId}/reservations`, { buyerId }, json);
  return answer.status;
}

async function ticketOf(edge: App, saleId: string, buyerId: string): Promise<string> {
  const answer = await post(
    `${edge.url}/v1/sales/${saleId}/reservations`,
    { buyerId },
    { ...json, Prefer: 'wait=10' },
  );
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

async function tell(edge: App, ticketId: string, kind: string): Promise<number> {
  return (await post(`${edge.url}/v1/tickets/${ticketId}/${kind}`, {}, json)).status;
}

async function restock(merchants: App, saleId: string): Promise<number> {
  const path = `/v1/sales/${saleId}/items/tee/stock`;
  return (await post(merchants.url + path, { delta: 1 }, merchantHeaders)).status;
}

function post(url: string, body: unknown, headers: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

const ready = { edge: /the edge is open/, worker: /worker is ready/, console: /the console is open/ };

/** Resolves when it is ready; throws with what it wrote when it ends before that. */
async function startApp(name: keyof typeof ready, env: Record<string, string>): Promise<App> {
  const child: ChildProcess = spawn(process.execPath, [`apps/${name}/src/main.ts`], {
    env: { PATH: process.env['PATH'], EDGE_PORT: '0', CONSOLE_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const forget = child.pid === undefined ? () => undefined : mopUpProcess(child.pid);
  let output = '';
  const gone = once(child, 'close').then(([code, signal]) => {
    forget();
    return (signal ?? code) as NodeJS.Signals | number | null;
  });
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        output += String(chunk);
        if (ready[name].test(output)) resolve();
      });
    }
    // A worker finds work before it says that it is ready.
    void gone.then((how) => (how === 'SIGKILL' ? resolve() : reject(new Error(output))));
  });
  return {
    url: `http://127.0.0.1:${/"port":(\d+)/.exec(output)?.[1] ?? '0'}`,
    output: () => output,
    gone,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
