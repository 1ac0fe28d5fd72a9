/** The real rooms, put together in this process as the apps put them together, on stores of their own. */
import type { EdgeGate, WorkerGate } from '@holdfast/core';
import { createEdgeGate, createWorkerGate, shardOf } from '@holdfast/gate';
import { createLedger, type Ledger } from '@holdfast/ledger';
import {
  type Committer,
  createBellRinger,
  createCommitter,
  createCommitWorker,
  createDesk,
  createQuarantine,
  createRecounts,
  createRepairWatch,
  createSweep,
  type Desk,
  type NewSale,
  type Repair,
  type Sweep,
} from '@holdfast/pipeline';
import pg from 'pg';
import { type FaultyLine, openFaultyLine } from './faulty-line.ts';
import { freshDatabase, freshPostgres, freshRedis, type PrivateStore } from './stores.ts';

/** Runs of one commit in a test, at most. */
const commitRuns = 5;

export interface HouseOptions {
  /** How many workers answer bells and sweep; with 0, nothing is decided until a test says `commit`. */
  workers?: number;
  /** How many gates take reservations. */
  edges?: number;
  /** A Postgres of its own that can be killed; otherwise a database on the run's. */
  ownPostgres?: boolean;
  /** A migrated database that the test brings; otherwise one is made. */
  databaseUrl?: string;
  /** Stores that the test brings. */
  redis?: PrivateStore;
  postgres?: PrivateStore;
  sweepEveryMs?: number;
  /** Redis is reached over a line that can be led elsewhere. */
  overLine?: boolean;
  /** The edges keep which tickets are whose, as where buyers are signed in. */
  listsTickets?: boolean;
}

export interface HouseWorker {
  sweep: Sweep;
  close(): Promise<void>;
}

export interface House {
  databaseUrl: string;
  redis: PrivateStore;
  /** Null where Redis is reached directly. */
  line: FaultyLine | null;
  /** Null on the run's shared Postgres. */
  postgres: PrivateStore | null;
  ledger: Ledger;
  gate: WorkerGate;
  desk: Desk;
  workers: readonly HouseWorker[];
  edges: readonly EdgeGate[];
  /** The first edge. */
  edge: EdgeGate;
  /** What the rooms logged, as text. */
  logged: string[];
  /** What the workers mended. */
  repaired: readonly Repair[];
  log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  /** Opens a sale with one item `tee` of ten units, unless told otherwise, and answers with its id. */
  openSale(change?: Partial<NewSale>): Promise<string>;
  /** One commit run to the intake's end, as a worker would do it. */
  commit(saleId: string): Promise<void>;
  /** The workers stand still for a sale from now on; commands and reservations stay undecided. */
  freeze(saleId: string): void;
  thaw(saleId: string): void;
  addWorker(): Promise<HouseWorker>;
  /** On a Redis of its own choice, if it says so. */
  addEdge(redisUrl?: string): Promise<EdgeGate>;
  rows<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const { workers: workerCount = 1, edges: edgeCount = 1, ownPostgres = false, sweepEveryMs = 200 } = options;
  const { listsTickets = false } = options;
  const redis = options.redis ?? (await freshRedis());
  const line = options.overLine === true ? await openFaultyLine(Number(new URL(redis.url).port)) : null;
  const redisUrl = line === null ? redis.url : `redis://127.0.0.1:${line.port}`;
  const postgres = options.postgres ?? (ownPostgres ? await freshPostgres() : null);
  const databaseUrl = options.databaseUrl ?? postgres?.url ?? (await freshDatabase());
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  pool.on('error', () => undefined);

  const logged: string[] = [];
  const repaired: Repair[] = [];
  const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: note, warn: note, error: note };
  const onRebuild = (saleId: string, why: string, outcome: string) =>
    log.info({ saleId, why, outcome }, 'rebuilt');
  const onRepair = (repair: Repair) => {
    repaired.push(repair);
    log.info(repair, 'repaired');
  };

  const frozen = new Map<string, PromiseWithResolvers<void>>();
  const workers: HouseWorker[] = [];
  const edges: EdgeGate[] = [];
  const edgeClosers: (() => Promise<void>)[] = [];
  let sales = 0;

  const ledger = createLedger({ url: databaseUrl });
  const gate = await createWorkerGate({ redisUrl });
  const committer = createCommitter({ ledger, gate, onRebuild });
  const desk = createDesk({
    ledger,
    gate,
    committer,
    log,
    secret: 'for tests',
    shardOf: (saleId) => shardOf(saleId, 1),
  });

  async function addWorker(): Promise<HouseWorker> {
    const own = { ledger: createLedger({ url: databaseUrl }), gate: await createWorkerGate({ redisUrl }) };
    const run = createCommitter({
      ...own,
      onRebuild,
      onRepair,
      repairs: createRepairWatch(own.ledger),
      quarantine: createQuarantine(),
      onQuarantine: (entry) => log.error(entry, 'quarantined'),
      onPoison: (poison) => log.error({ ...poison, err: String(poison.err) }, 'poison'),
    });
    const freezable: Committer = {
      async commitSale(saleId) {
        await frozen.get(saleId)?.promise;
        return run.commitSale(saleId);
      },
    };
    const queue = await createCommitWorker({ redisUrl, committer: freezable });
    const recounts = createRecounts({ ledger: own.ledger, committer: freezable, onRepair });
    const sweep = createSweep(
      { ...own, committer: freezable, onRebuild, recounts },
      { everyMs: sweepEveryMs },
    );
    const worker = {
      sweep,
      close: once(async () => {
        await sweep.close();
        await queue.close();
        await own.gate.close();
        await own.ledger.close();
      }),
    };
    workers.push(worker);
    return worker;
  }

  async function addEdge(url = redisUrl): Promise<EdgeGate> {
    const bells = await createBellRinger({ redisUrl: url });
    const edge = await createEdgeGate({ redisUrl: url, ring: bells.ring, listsTickets });
    edges.push(edge);
    edgeClosers.push(
      once(async () => {
        await edge.close();
        await bells.close();
      }),
    );
    return edge;
  }

  function thaw(saleId: string): void {
    frozen.get(saleId)?.resolve();
    frozen.delete(saleId);
  }

  // The gate takes nobody before a worker has said that it holds all that the ledger knows.
  const first = createSweep({ ledger, gate, committer, onRebuild });
  await first.sweepOnce();
  await first.close();
  for (let count = 0; count < workerCount; count += 1) await addWorker();
  for (let count = 0; count < edgeCount; count += 1) await addEdge();

  return {
    databaseUrl,
    redis,
    line,
    postgres,
    ledger,
    gate,
    desk,
    workers,
    edges,
    get edge() {
      const [edge] = edges;
      if (edge === undefined) throw new Error('this house was opened without an edge');
      return edge;
    },
    logged,
    repaired,
    log,
    async openSale(change = {}) {
      sales += 1;
      const id = `sale-${sales}`;
      const answer = await desk.create({ ...plainSale(id), ...change }, null);
      if (answer.kind === 'refused') throw new Error(`no sale: ${answer.code}`);
      // The desk answers while its run is still under way; a test that lets a run die must not meet that one.
      await committer.commitSale(answer.saleId);
      return answer.saleId;
    },
    async commit(saleId) {
      // A run that met others too often leaves the sale to the next; here there may be no worker to be that.
      for (let run = 0; run < commitRuns; run += 1)
        if ((await committer.commitSale(saleId)).kind !== 'left') return;
    },
    freeze: (saleId) => void frozen.set(saleId, Promise.withResolvers()),
    thaw,
    addWorker,
    addEdge,
    rows: async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
      (await pool.query<Row>(sql, values)).rows,
    close: once(async () => {
      for (const saleId of frozen.keys()) thaw(saleId);
      for (const close of edgeClosers) await close();
      for (const worker of workers) await worker.close();
      await gate.close();
      await ledger.close();
      await pool.end();
      await line?.close();
    }),
  };
}

export function plainSale(id: string): NewSale {
  return {
    id,
    name: 'Tees',
    status: 'open',
    opensAt: null,
    closesAt: null,
    holdSeconds: 300,
    perBuyerLimit: null,
    currency: 'EUR',
    waitlist: false,
    extension: { times: 1, totalSeconds: 600 },
    items: [{ sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 4900, stock: 10 }],
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
