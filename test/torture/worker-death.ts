/** The busy worker dies in the middle of a transaction, again and again: how long until the next commit? */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Line } from './line.ts';
import { type Percentiles, percentilesOf } from './report.ts';
import { openStage, type Stage } from './stage.ts';

export interface WorkerDeaths {
  times: number;
  nextCommitMs: Percentiles;
  longestMs: number;
  /** The audit's verdict on the sale afterwards. */
  lawful: boolean;
}

export interface WorkerDeathOptions {
  folder: string;
  times: number;
  say(line: string): void;
  signal: AbortSignal;
}

const saleId = 'worker-death';
const buyersAtOnce = 8;
const readyMs = 30_000;
const busyMs = 100;
const lookMs = 3;
const giveUpMs = 60_000;

export async function measureWorkerDeath(options: WorkerDeathOptions): Promise<WorkerDeaths> {
  const { folder, times, say, signal } = options;
  const stage = await openStage({ folder, edges: 2, workers: 2, onDeath: () => undefined, say });
  const database = new pg.Pool({ connectionString: stage.postgres.store.url, max: 2 });
  database.on('error', () => undefined);
  const closing = new AbortController();
  try {
    await createSale(stage);
    const crowd = Array.from({ length: buyersAtOnce }, (_, lane) => keepBuying(stage, lane, closing.signal));
    const pauses: number[] = [];
    while (pauses.length < times && !signal.aborted) {
      const late = await stage.untilReady(readyMs);
      if (late !== null) throw new Error(late);
      const busy = await busiest(stage);
      await busy.line.nextPiece();
      busy.kill();
      const killedAt = performance.now();
      const before = await revisionOf(database);
      while ((await revisionOf(database)) === before) {
        if (performance.now() - killedAt > giveUpMs) throw new Error(`No commit for ${giveUpMs} ms`);
        await sleep(lookMs);
      }
      pauses.push(performance.now() - killedAt);
      if (pauses.length % 10 === 0)
        say(`${pauses.length} deaths, the last ${Math.round(pauses.at(-1) ?? 0)} ms`);
    }
    closing.abort();
    await Promise.all(crowd);
    const nextCommitMs = percentilesOf(pauses);
    if (nextCommitMs === null) throw new Error('Nobody died');
    const lawful = await isLawful(stage);
    return { times: pauses.length, nextCommitMs, longestMs: Math.round(Math.max(...pauses)), lawful };
  } finally {
    closing.abort();
    await database.end();
    await stage.stop();
  }
}

/** Whoever sent most to Postgres just now is in the middle of something. */
async function busiest(stage: Stage): Promise<{ line: Line; kill(): void }> {
  const workers = stage.apps
    .filter(({ kind }) => kind === 'worker')
    .map((app) => ({ app, line: stage.line(app.name, 'postgres') as Line }));
  const before = workers.map(({ line }) => line.sent);
  await sleep(busyMs);
  const [first] = workers
    .map((worker, index) => ({ ...worker, sent: worker.line.sent - (before[index] as number) }))
    .toSorted((left, right) => right.sent - left.sent);
  if (first === undefined) throw new Error('There is no worker');
  return { line: first.line, kill: () => first.app.signal('SIGKILL') };
}

async function revisionOf(database: pg.Pool): Promise<string> {
  const { rows } = await database.query<{ revision: string }>(
    'select revision::text as revision from gates where sale_id = $1',
    [saleId],
  );
  return rows[0]?.revision ?? '';
}

async function createSale(stage: Stage): Promise<void> {
  const sale = { id: saleId, name: 'Deaths', status: 'open', items: [{ sku: 'tee', stock: 10_000_000 }] };
  const created = await askConsole(stage, '/v1/sales', sale);
  if (created.status !== 201) throw new Error(`The console answered ${created.status}`);
  await created.body?.cancel();
}

async function keepBuying(stage: Stage, lane: number, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    const buyerId = `${lane}-${turn}`;
    const answer = await fetch(
      new URL(`/v1/sales/${saleId}/reservations`, stage.edges[turn % stage.edges.length]),
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': buyerId },
        body: JSON.stringify({ buyerId }),
        signal: AbortSignal.timeout(5_000),
      },
    ).catch(() => null);
    await answer?.body?.cancel();
    await sleep(10);
  }
}

async function isLawful(stage: Stage): Promise<boolean> {
  const giveUpAt = performance.now() + readyMs;
  for (;;) {
    const answer = await askConsole(stage, `/v1/sales/${saleId}/audit`).catch(() => null);
    const { ok } = answer?.ok === true ? ((await answer.json()) as { ok: boolean }) : { ok: false };
    if (ok || performance.now() > giveUpAt) return ok;
    await sleep(busyMs);
  }
}

function askConsole(stage: Stage, path: string, body?: object): Promise<Response> {
  return fetch(new URL(path, stage.consoleUrl), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${stage.adminKey}`, 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
}
