/** The house in which schedules are played: simulated edges, workers and a console on one gate and one ledger of their own. */
import type { EdgeGate, WorkerGate } from '@holdfast/core';
import { createEdgeGate, createWorkerGate, shardOf } from '@holdfast/gate';
import { createLedger, type Ledger } from '@holdfast/ledger';
import {
  type Committer,
  createCommitter,
  createDesk,
  createQuarantine,
  createRecounts,
  createRepairWatch,
  createSweep,
  type Desk,
  type Sweep,
} from '@holdfast/pipeline';
import { Redis } from 'ioredis';
import pg from 'pg';
import { createGateMemory, type GateMemory } from './gate-memory.ts';
import { type EdgeName, type ProcessName, processNames, type WorkerName } from './schedule.ts';
import { createSimulated, type Ended, type Simulated } from './simulated.ts';

interface Parts {
  edge: { gate: EdgeGate };
  worker: { committer: Committer; sweep: Sweep };
  console: { ledger: Ledger; gate: WorkerGate; desk: Desk };
}

type PartsOf<Name extends ProcessName> = Name extends EdgeName
  ? Parts['edge']
  : Name extends WorkerName
    ? Parts['worker']
    : Parts['console'];

export interface Shop {
  redis: Redis;
  memory: GateMemory;
  /** The process of this name; a fresh one when the one before is dead. */
  process(name: ProcessName): Simulated;
  /** The process of this name runs, unless it dies at its start. */
  start(name: ProcessName): Promise<void>;
  /** Does `work` as the process of this name, and as none that comes after it. */
  as<Name extends ProcessName, Answer>(
    name: Name,
    work: (parts: PartsOf<Name>) => Promise<Answer>,
  ): Promise<Ended<Answer>>;
  /** Commands that left a process late and have not arrived. */
  deliverLate(): void;
  /** Everything of the sale before is gone, and the story begins anew. */
  begin(note: (line: string) => void): Promise<void>;
  close(): Promise<void>;
}

interface Running {
  process: Simulated;
  parts: Promise<unknown> | null;
  /** What goes on by itself in the real process, and would for ever. */
  endings: (() => void)[];
}

function end({ endings }: Running): void {
  for (const one of endings.splice(0)) one();
}

/** No sweep by itself: its passes are steps of the schedule. */
const neverMs = 1_000_000_000;
/** As fast as everything else here: a repair must be right whenever its second look comes. */
const secondLookAfterMs = 20;

/** Tables with rows of a sale. */
const tables = [
  ...['sales', 'items', 'gates', 'reservations', 'reservation_lines', 'buyers', 'events', 'seals'],
  ...['statistics', 'rejections', 'requests'],
];
const deleteAll = tables.map((table) => `delete from ${table}`).join(';');
/** Costs more than to delete a few rows, and leaves none of them behind. */
const truncateAll = `truncate ${tables.join(', ')}`;
const salesPerTruncate = 100;

export function openShop(redisUrl: string, databaseUrl: string): Shop {
  const redis = new Redis(redisUrl, { replyMapping: 'legacy' } as object);
  const database = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const running = new Map<ProcessName, Running>();
  let memory = createGateMemory(redis);
  let late: (() => void)[] = [];
  let sales = 0;
  let note: (line: string) => void = () => undefined;

  function runningOf(name: ProcessName) {
    const before = running.get(name);
    if (before?.process.isAlive() === true) return before;
    if (before !== undefined) {
      note(`${name} is started again`);
      end(before);
    }
    const process = createSimulated(name, {
      copy: () => memory.remember(),
      note: (line) => note(line),
      postpone: (deliver) => late.push(deliver),
    });
    const fresh: Running = { process, parts: null, endings: [] };
    running.set(name, fresh);
    return fresh;
  }

  async function open(name: ProcessName, { endings }: Running): Promise<unknown> {
    if (name.startsWith('edge')) return openEdge(endings);
    const ledger = createLedger({ url: databaseUrl, maxConnections: 4 });
    endings.push(() => void ledger.close().catch(() => undefined));
    const gate = await createWorkerGate({ redisUrl });
    endings.push(() => void gate.close().catch(() => undefined));
    const onRebuild = (saleId: string, why: string, outcome: string) =>
      note(`${name}: the gate of ${saleId} is ${outcome}: ${why}`);
    if (name === 'console') {
      const committer = createCommitter({ ledger, gate, onRebuild });
      return { ledger, gate, desk: openDesk(ledger, gate, committer) };
    }
    const onRepair = (repair: object) => note(`${name} repairs ${JSON.stringify(repair)}`);
    const committer = createCommitter({
      ledger,
      gate,
      onRebuild,
      repairs: createRepairWatch(ledger, { afterMs: secondLookAfterMs }),
      onRepair,
      quarantine: createQuarantine(),
      onQuarantine: (entry) => note(`${name} takes out of the line ${JSON.stringify(entry)}`),
    });
    const onError = (error: Error) => note(`${name}: ${sentence(error)}`);
    const recounts = createRecounts({ ledger, committer, onRepair });
    const sweep = createSweep(
      { ledger, gate, committer, onRebuild, recounts },
      { everyMs: neverMs, onError },
    );
    endings.push(() => void sweep.close());
    return { committer, sweep };
  }

  async function openEdge(endings: Running['endings']) {
    const gate = await createEdgeGate({ redisUrl, ring: () => undefined, remembersMs: 30_000 });
    endings.push(() => void gate.close().catch(() => undefined));
    return { gate };
  }

  function openDesk(ledger: Ledger, gate: WorkerGate, committer: Committer): Desk {
    const log = {
      warn: (fields: object, message: string) => note(`console: ${message} ${JSON.stringify(fields)}`),
    };
    return createDesk({
      ledger,
      gate,
      committer,
      log,
      secret: 'torture',
      shardOf: (saleId) => shardOf(saleId, 1),
    });
  }

  function partsOf(name: ProcessName, one: Running): Promise<unknown> {
    if (one.parts === null) {
      const opened = one.process.run(() => open(name, one));
      one.parts = opened.then((ended) => {
        if (ended.kind === 'done') return ended.answer;
        one.process.kill();
        throw ended.kind === 'failed' ? ended.error : new Error(`${name} died at its start`);
      });
      one.parts.catch(() => undefined);
    }
    return one.parts;
  }

  return {
    redis,
    get memory() {
      return memory;
    },
    process: (name) => runningOf(name).process,
    async start(name) {
      await partsOf(name, runningOf(name)).catch(() => undefined);
    },
    async as(name, work) {
      const one = runningOf(name);
      // Who dies at its start is started again by whoever needs it next.
      const parts = await partsOf(name, one).catch(() => null);
      return parts === null ? { kind: 'dead' } : one.process.run(() => work(parts as never));
    },
    deliverLate() {
      for (const deliver of late.splice(0)) deliver();
    },
    async begin(tell) {
      note = () => undefined;
      late = [];
      for (const name of processNames) {
        const one = running.get(name);
        if (one?.process.isFrozen() === true) one.process.kill();
        one?.process.disarm();
      }
      await redis.flushdb();
      memory = createGateMemory(redis);
      sales += 1;
      await database.query(sales % salesPerTruncate === 0 ? truncateAll : deleteAll);
      note = tell;
    },
    async close() {
      for (const one of running.values()) {
        one.process.kill();
        end(one);
      }
      redis.disconnect();
      await database.end();
    },
  };
}

export function sentence(error: Error): string {
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push(at.message);
  return causes.join(': ');
}
