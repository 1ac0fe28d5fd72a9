/** A whole small house for one test file: stores of its own, a worker in this process, an edge behind a real socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEdgeGate, createWorkerGate, shardOf } from '@holdfast/gate';
import { createLedger, type Ledger, migrate } from '@holdfast/ledger';
import {
  type Committer,
  createBellRinger,
  createCommitter,
  createCommitWorker,
  createDesk,
  createSweep,
  type Desk,
  type NewSale,
} from '@holdfast/pipeline';
import { createEdgeApp } from '../../apps/edge/src/app.ts';
import { closeServer, createEdgeServer, openServer } from '../../apps/edge/src/server.ts';
import { startStores, type Stores } from '../bench/stores.ts';

export interface EdgeHouse {
  url: string;
  port: number;
  stores: Stores;
  ledger: Ledger;
  desk: Desk;
  /** What the edge logged, as text. */
  logged: string[];
  /** Opens a sale with one item `tee` of ten units, unless told otherwise, and answers with its id. */
  open(change?: Partial<NewSale>): Promise<string>;
  /** The worker stands still for a sale from now on; commands and reservations stay undecided. */
  freeze(saleId: string): void;
  thaw(saleId: string): void;
  close(): Promise<void>;
}

export interface EdgeHouseOptions {
  corsOrigins?: string[];
}

export async function openEdgeHouse(options: EdgeHouseOptions = {}): Promise<EdgeHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'edge-house-'));
  const stores = await startStores(folder);
  const databaseUrl = await stores.createDatabase('edge_house');
  await migrate(databaseUrl);
  const { redisUrl } = stores;
  const logged: string[] = [];
  const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: note, warn: note, error: note };

  const ledger = createLedger({ url: databaseUrl });
  const workerGate = await createWorkerGate({ redisUrl });
  const onRebuild = (saleId: string, why: string, outcome: string) =>
    log.info({ saleId, why, outcome }, 'rebuilt');
  const committer = createCommitter({ ledger, gate: workerGate, onRebuild });
  const frozen = new Map<string, PromiseWithResolvers<void>>();
  const freezable: Committer = {
    async commitSale(saleId) {
      await frozen.get(saleId)?.promise;
      return committer.commitSale(saleId);
    },
  };
  const worker = await createCommitWorker({ redisUrl, committer: freezable });
  const sweep = createSweep({ ledger, gate: workerGate, committer: freezable, onRebuild }, { everyMs: 200 });
  const desk = createDesk({
    ledger,
    gate: workerGate,
    committer,
    log,
    secret: 'for tests',
    shardOf: (saleId) => shardOf(saleId, 1),
  });
  await sweep.sweepOnce();

  const bells = await createBellRinger({ redisUrl });
  const gate = await createEdgeGate({ redisUrl, ring: bells.ring });
  const edge = createEdgeApp({ gate, log, corsOrigins: options.corsOrigins ?? [] });
  const server = createEdgeServer(edge.app, { maxConnections: 0 });
  const port = await openServer(server, 0, '127.0.0.1');
  let sales = 0;

  function thaw(saleId: string): void {
    frozen.get(saleId)?.resolve();
    frozen.delete(saleId);
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stores,
    ledger,
    desk,
    logged,
    async open(change = {}) {
      sales += 1;
      const id = `sale-${sales}`;
      const answer = await desk.create({ ...plainSale(id), ...change }, null);
      if (answer.kind === 'refused') throw new Error(`no sale: ${answer.code}`);
      return id;
    },
    freeze: (saleId) => void frozen.set(saleId, Promise.withResolvers()),
    thaw,
    async close() {
      for (const saleId of frozen.keys()) thaw(saleId);
      await closeServer(server, edge, 0);
      await bells.close();
      await gate.close();
      await sweep.close();
      await worker.close();
      await workerGate.close();
      await ledger.close();
      await stores.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function plainSale(id: string): NewSale {
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
