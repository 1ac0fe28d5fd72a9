/** Processes that are stopped, stopped rudely, or lose their power: what was acknowledged stays, what is under way is answered. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { removePostgres, temporaryFolder } from '@holdfast/runtime/local-stores';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectAllThere } from '../support/all-there.ts';
import { expectConservation } from '../support/conservation.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type House, openHouse } from '../support/house.ts';
import { type Shop, startRush, untilLawful } from '../support/rush.ts';
import { openTees, until } from '../support/sales.ts';

/** Below the ten seconds that a supervisor waits before it kills. */
const stopWithinMs = 10_000;

describe('an edge that is asked to stop', () => {
  let house: House;
  let edge: EdgeProcess;
  let sale: string;

  beforeEach(async () => {
    house = await openHouse({ workers: 1, edges: 0 });
    edge = await startEdge({ REDIS_URL: house.redis.url, DRAIN_MS: '700' });
    sale = await openTees(house, 1_000);
  });
  afterEach(async () => {
    await edge.kill();
    await house.close();
  });

  it('F51: is not ready, lets connections go with their next answer, answers all who wait, ends streams with the word when to come back, and is gone in time', async () => {
    house.freeze(sale);
    const path = `/v1/sales/${sale}/reservations`;
    const waiting = Array.from({ length: 20 }, (_, index) =>
      fetch(edge.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Prefer: 'wait=30' },
        body: JSON.stringify({ buyerId: `b${index}` }),
      }),
    );
    const stream = await fetch(`${edge.url}/v1/sales/${sale}/events`);
    const slowly = connect(edge.port, '127.0.0.1');
    let said = '';
    slowly.on('data', (piece) => {
      said += piece.toString();
    });
    const body = JSON.stringify({ buyerId: 'slow' });
    slowly.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await until('all of them to wait for the ledger', async () => {
      const shown = (await (await fetch(`${edge.url}/v1/sales/${sale}`)).json()) as Shown;
      return shown.items[0]?.available === 980;
    });
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask(edge, kept, '/healthz')).toEqual({ status: 200, connection: 'keep-alive' });

    const askedAt = performance.now();
    const ended = edge.stop();
    await until('it not to be ready', async () => (await ask(edge, kept, '/readyz')).status === 503);
    expect((await ask(edge, kept, '/healthz')).connection).toBe('close');
    slowly.write(body.slice(5));
    const answers = await Promise.all(waiting);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(await stream.text()).toMatch(/\n\nretry: \d+\n\n$/);
    await until('the slow one to be answered', async () => said.startsWith('HTTP/1.1 202 '));
    expect(await ended).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(stopWithinMs);
    await expect(fetch(`${edge.url}/healthz`)).rejects.toThrow();
    house.thaw(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 21 } });
    kept.destroy();
  }, 60_000);

  it('F51: and is killed before it is done, has lost nothing that it acknowledged', async () => {
    const acknowledged: string[] = [];
    let open = true;
    const buyers = Array.from({ length: 8 }, async (_, lane) => {
      for (let turn = 0; open; turn++) {
        const answer = await fetch(`${edge.url}/v1/sales/${sale}/reservations`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ buyerId: `${lane}-${turn}` }),
        }).catch(() => null);
        if (answer === null) return;
        const ticket = (await answer.json().catch(() => null)) as { id: string } | null;
        if (answer.status === 202 && ticket !== null) acknowledged.push(ticket.id);
      }
    });
    await until('the rush to be under way', async () => acknowledged.length > 100);
    process.kill(edge.pid, 'SIGTERM');
    await until('it to be stopping', async () => edge.log().includes('"stopping"'));
    await edge.kill();
    open = false;
    await Promise.all(buyers);
    const { tee } = await expectConservation(house, sale);
    const rows = await house.rows<{ id: string }>(
      'select ticket_id as id from reservations where sale_id = $1 and ticket_id = any($2::text[])',
      [sale, acknowledged],
    );
    expect(rows).toHaveLength(acknowledged.length);
    // One that it took may have had no answer any more; it lapses like any hold that nobody comes for.
    expect(tee?.['held'] ?? 0).toBeLessThanOrEqual(acknowledged.length + buyers.length);
  }, 60_000);
});

interface Shown {
  items: { available: number }[];
}

function ask(
  edge: EdgeProcess,
  agent: Agent,
  path: string,
): Promise<{ status: number; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const asking = request({ agent, host: '127.0.0.1', port: edge.port, path }, (answer) => {
      answer.resume();
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, connection: answer.headers.connection }),
      );
    });
    asking.once('error', reject);
    asking.end();
  });
}

describe('the whole box loses power', () => {
  const dir = temporaryFolder('power');
  const started: ChildProcess[] = [];

  afterAll(async () => {
    for (const child of started) {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    removePostgres(join(dir, 'postgres'));
    rmSync(dir, { recursive: true, force: true });
  });

  /** Everything as `npm start` runs it, in a process group of its own. */
  async function start(): Promise<{ shop: Shop; group: number }> {
    const child = spawn('node', ['infra/bootstrap.mjs', 'apps/cli/src/main.ts', 'up'], {
      cwd: join(import.meta.dirname, '../..'),
      detached: true,
      env: {
        ...process.env,
        ...{ HOLDFAST_DIR: dir, EDGE_PORT: '0', CONSOLE_PORT: '0', WORKERS: '2', EDGES: '2', SHARDS: '' },
        ...{ DATABASE_URL: '', REDIS_URL: '', ADMIN_KEY: '', HOST: '' },
      },
    });
    started.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (piece) => {
        said += piece;
      });
    }
    await until('the greeting', async () => said.includes('Ctrl-C'), 60_000).catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${said}`);
    });
    const edges = [...said.matchAll(/shop +(http\S+)/g)].map(([, url]) => new URL(url as string));
    const url = new URL(/console +(http\S+)/.exec(said)?.[1] as string);
    const key = /admin key +(\S+)/.exec(said)?.[1] as string;
    expect(edges).toHaveLength(2);
    return { shop: { edges, console: { url, key } }, group: -(child.pid as number) };
  }

  it('F52: in the middle of a rush, every process, the stores too, is killed at once; started again, the law holds and every acknowledged ticket is there', async () => {
    const { shop: before, group } = await start();
    const rush = await startRush(before, { untilGone: true });
    process.kill(group, 'SIGKILL');
    const { saleId, acknowledged } = await rush.end();
    await until('the box to be dark', async () => !storePids(dir).some(isAlive));
    const { shop } = await start();
    await untilLawful(shop, saleId);
    await expectAllThere(shop, acknowledged);
    const more = await startRush(shop);
    await untilLawful(shop, (await more.end()).saleId);
  }, 240_000);
});

function storePids(dir: string): number[] {
  return ['redis', 'postgres']
    .map((name) => join(dir, name, 'process.json'))
    .filter(existsSync)
    .map((file) => (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
