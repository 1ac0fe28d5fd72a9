/** Holdfast as a contestant: its real edge, console and worker processes, asked over HTTP, counted in its ledger. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '@holdfast/ledger';
import pg from 'pg';
import { type Child, lastWords, startChild } from './child.ts';
import { type Contestant, type Sale, sku } from './contestant.ts';
import { freePort, type Stores } from './stores.ts';

const appsFolder = join(import.meta.dirname, '../../apps');
const adminKey = 'bench-only-key-of-no-value-anywhere';
const startSeconds = 30;
const holdSeconds = 86_400;

// taken - returned is what the ledger holds and has sold.
const unitsSql = 'SELECT (taken - returned)::integer AS units FROM items WHERE sale_id = $1 AND sku = $2';
const holdsSql = `
  SELECT count(DISTINCT r.ticket_id)::integer AS holds, coalesce(sum(l.quantity), 0)::integer AS units
  FROM reservations r JOIN reservation_lines l USING (ticket_id)
  WHERE r.sale_id = $1 AND l.sku = $2 AND r.status IN ('held', 'confirmed')`;
const disorderSql = `
  SELECT count(*)::integer AS disorder
  FROM (
    SELECT r.seq, lag(r.seq) OVER (ORDER BY e.position) AS previous
    FROM events e JOIN reservations r ON r.ticket_id = e.ticket_id AND r.sale_id = e.sale_id
    WHERE e.sale_id = $1
  ) journal
  WHERE previous > seq`;

export interface Holdfast extends Contestant {
  edgePort: number;
  rows: pg.Client;
  /** Holds whose place in the journal contradicts their place in line. */
  countDisorder(sale: Sale): Promise<number>;
  /** Freezes the workers where they stand, warm, so that the intake fills. */
  freezeWorkers(): void;
  thawWorkers(): void;
  setWorkers(count: number): Promise<void>;
}

export async function startHoldfast(stores: Stores, folder: string, workerCount: number): Promise<Holdfast> {
  const databaseUrl = await stores.createDatabase('bench_holdfast');
  await migrate(databaseUrl);
  const [edgePort, consolePort] = [await freePort(), await freePort()];
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: `${stores.redisUrl}/0`,
    ADMIN_KEY: adminKey,
    EDGE_PORT: String(edgePort),
    CONSOLE_PORT: String(consolePort),
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
  };
  let workers: Child[] = [];
  await setWorkers(workerCount);
  const console = startApp('console');
  const edge = startApp('edge');
  await Promise.all([untilReady(console, consolePort), untilReady(edge, edgePort)]);
  const rows = new pg.Client({ connectionString: databaseUrl });
  // A query in progress reports the same; an idle connection ends only with the store.
  rows.on('error', () => undefined);
  await rows.connect();

  return {
    name: 'holdfast',
    answersWhenHeld: false,
    edgePort,
    rows,
    roles: () => ({
      edge: [edge.pid],
      worker: workers.map((worker) => worker.pid),
      redis: [stores.redisPid],
      postgres: [stores.postgresPid],
    }),
    openSale,
    async countDisorder(sale) {
      const found = await rows.query(disorderSql, [sale.id]);
      return found.rows[0].disorder;
    },
    freezeWorkers: () => signalWorkers('SIGSTOP'),
    thawWorkers: () => signalWorkers('SIGCONT'),
    setWorkers,
    async stop() {
      await rows.end();
      await Promise.all([edge, console, ...workers].map((child) => child.stop()));
    },
  };

  async function openSale(stock: number): Promise<Sale> {
    const body = { name: 'bench', status: 'open', holdSeconds, items: [{ sku, stock }] };
    const created = await callConsole('/v1/sales', body);
    const { id } = (await created.json()) as { id: string };
    return {
      id,
      stock,
      port: edgePort,
      path: `/v1/sales/${id}/reservations`,
      async unitsTaken() {
        const found = await rows.query({ name: 'units', text: unitsSql, values: [id, sku] });
        return found.rows[0].units;
      },
      async countHolds() {
        const found = await rows.query(holdsSql, [id, sku]);
        return found.rows[0];
      },
      async retire() {
        await callConsole(`/v1/sales/${id}/close`, {});
      },
    };
  }

  /** A gate that is still being made answers 503; it has the time of a start to get ready. */
  async function callConsole(path: string, body: object): Promise<Response> {
    const givenUpAt = Date.now() + startSeconds * 1000;
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${consolePort}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(startSeconds * 1000),
      });
      if (answer.ok) return answer;
      const said = await answer.text();
      if (answer.status !== 503 || Date.now() > givenUpAt) {
        throw new Error(`the console answered ${answer.status} to ${path}: ${said}`);
      }
      await sleep(50);
    }
  }

  async function setWorkers(count: number): Promise<void> {
    await Promise.all(workers.map((worker) => worker.stop()));
    const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
    workers = ports.map((port) => startApp('worker', { WORKER_PORT: String(port) }));
    await Promise.all(workers.map((worker, index) => untilReady(worker, ports[index] as number)));
  }

  function signalWorkers(signal: NodeJS.Signals): void {
    for (const worker of workers) worker.process.kill(signal);
  }

  function startApp(app: 'console' | 'edge' | 'worker', more: Record<string, string> = {}): Child {
    return startChild({
      file: join(appsFolder, app, 'src/main.ts'),
      env: { ...env, ...more },
      logFile: join(folder, `${app}.log`),
    });
  }
}

async function untilReady(child: Child, port: number): Promise<void> {
  const givenUpAt = Date.now() + startSeconds * 1000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (child.process.exitCode !== null || Date.now() > givenUpAt) {
      throw new Error(
        `${child.process.spawnargs[1]} did not get ready; its last words:\n${lastWords(child)}`,
      );
    }
    await sleep(50);
  }
}
