import {
  compareCounters,
  type GateState,
  type RebuildOutcome,
  type RunLedger,
  type WorkerGate,
} from '@holdfast/core';
import type { Committer } from './committer.ts';
import { bootShard, rebuildSale } from './recovery.ts';
import type { Recounts } from './recount.ts';
import { createRefusalLedger } from './refusal-ledger.ts';
import { createRestorer } from './restorer.ts';
import { allShards } from './shards.ts';

type LiveSale = Awaited<ReturnType<RunLedger['liveSales']>>[number];

export interface SweepParts {
  ledger: RunLedger;
  gate: WorkerGate;
  committer: Committer;
  onRebuild?(saleId: string, why: string, outcome: RebuildOutcome): void;
  /** Holds the ledger's counters against its rows; a sweep without it does not. */
  recounts?: Recounts;
}

export interface Sweep {
  /** One pass over every live sale; answers with how many needed a run. */
  sweepOnce(): Promise<number>;
  close(): Promise<void>;
}

export interface SweepOptions {
  /**
   * Mean time between two passes. A worker that froze in its transaction is cut off by the ledger after 2 s, and the pass
   * after that must begin before 3 s are over.
   */
  everyMs?: number;
  shards?: number;
  onError?(error: Error): void;
}

/** A rebuild that stands still for so many passes was given up by whoever began it. */
const rebuildPasses = 4;

/**
 * Finds what no bell rings for: an intake that stands still, holds that are overdue, a journal that the gate has not
 * applied, a gate that lost its memory, counters that do not agree. It is driven by the ledger's list of sales, since Redis may have been emptied,
 * and runs the commit run itself: taking over from a dead worker waits for nothing else.
 */
export function createSweep(
  parts: SweepParts,
  { everyMs = 650, shards = 1, onError }: SweepOptions = {},
): Sweep {
  const seen = new Map<string, { committedSeq: number; journal: number }>();
  const standing = new Map<string, { rebuilding: number | null; staged: number; passes: number }>();
  const refusals = createRefusalLedger(parts);
  /** Sales that a pass has begun to work on, and is not done with. */
  const underWay = new Map<string, Promise<boolean>>();
  const restorer = createRestorer(parts, onError);
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<unknown> = Promise.resolve();

  function schedule(): void {
    if (closed) return;
    // A little apart from the other workers, so that they do not all find the same sale at once.
    timer = setTimeout(
      () => {
        // The next pass waits for no run: a sale whose run takes long would leave all others unswept meanwhile.
        pass = lookOnce()
          .then(({ live }) => recordOnce(live))
          .catch((error: unknown) => onError?.(error as Error))
          .finally(schedule);
      },
      everyMs * (0.75 + Math.random() / 2),
    );
  }

  async function sweepOnce(): Promise<number> {
    const { live, runs } = await lookOnce();
    const done = await Promise.all(runs);
    await recordOnce(live);
    return done.filter(Boolean).length;
  }

  /** Looks at every live sale, and begins what it needs. */
  async function lookOnce(): Promise<{ live: readonly LiveSale[]; runs: Promise<boolean>[] }> {
    const live = await parts.ledger.liveSales();
    for (const shard of allShards(shards))
      if (!(await parts.gate.isBooted(shard))) await bootShard(parts, shard);
    for (const shard of allShards(shards)) await shutStrangers(shard, live);
    const skusOf = new Map(live.map((sale) => [sale.saleId, [...sale.items.keys()]]));
    const gates = await parts.gate.peek([...skusOf.keys()], skusOf);
    return { live, runs: live.map((sale) => begin(sale, gates.get(sale.saleId) ?? null)) };
  }

  async function recordOnce(live: readonly LiveSale[]): Promise<void> {
    await refusals.recordOnce(live.map((sale) => sale.saleId));
    await parts.recounts?.recountOnce(live);
  }

  /** What an earlier pass has begun for this sale goes on, and is not begun again. */
  function begin(sale: LiveSale, gate: GateState | null): Promise<boolean> {
    const { saleId } = sale;
    const before = underWay.get(saleId);
    if (before !== undefined) return before;
    const run = sweepSale(sale, gate)
      .catch((error: unknown) => {
        onError?.(error as Error);
        return false;
      })
      .finally(() => underWay.delete(saleId));
    underWay.set(saleId, run);
    return run;
  }

  /**
   * A gate that sells what the ledger does not know: it lost the sale with its tail, or this is the wrong database. Looked
   * at twice, since the ledger was read before the gate.
   */
  async function shutStrangers(shard: string, live: readonly LiveSale[]): Promise<void> {
    const known = new Set(live.map((sale) => sale.saleId));
    for (const saleId of await parts.gate.saleIds(shard)) {
      if (known.has(saleId) || (await parts.ledger.readSale(saleId)) !== null) continue;
      await parts.gate.shut(saleId);
      onError?.(new Error(`The ledger does not know sale ${saleId}: its gate is closed until it does`));
    }
  }

  async function sweepSale(sale: LiveSale, gate: GateState | null): Promise<boolean> {
    if (gate !== null && gate.rebuilding !== null) return finishRebuild(sale, gate);
    standing.delete(sale.saleId);
    if (gate !== null && gate.restoring !== null && gate.epoch === sale.cursor.epoch)
      restorer.begin(sale.saleId, gate.epoch, gate.restoring);
    const before = seen.get(sale.saleId);
    seen.set(sale.saleId, {
      committedSeq: sale.cursor.committedSeq,
      journal: gate?.journalPosition ?? -1,
    });
    if (gate !== null && !needsRun(sale, gate, before)) return false;
    await parts.committer.commitSale(sale.saleId);
    return true;
  }

  /** A rebuild says how far it is; one that stands still was given up by whoever began it. */
  async function finishRebuild(sale: LiveSale, { rebuilding, staged, epoch }: GateState): Promise<boolean> {
    const before = standing.get(sale.saleId);
    const same = before !== undefined && before.rebuilding === rebuilding && before.staged === staged;
    const passes = same ? before.passes + 1 : 1;
    standing.set(sale.saleId, { rebuilding, staged, passes });
    if (passes < rebuildPasses) return false;
    const newest = Math.max(epoch, rebuilding ?? 0);
    await rebuildSale(parts, sale.saleId, sale.cursor, newest, 'a rebuild stood still');
    return true;
  }

  schedule();
  return {
    sweepOnce,
    async close() {
      closed = true;
      clearTimeout(timer);
      await pass;
      await Promise.all(underWay.values());
      await restorer.close();
    },
  };
}

/** What stood still since the last look is nobody's work; what moved is somebody's. */
function needsRun(
  { cursor, nextDeadline, termsVersion, drawAt, moveAt, hasToEnd, items }: LiveSale,
  gate: GateState,
  before: { committedSeq: number; journal: number } | undefined,
): boolean {
  if (gate.epoch !== cursor.epoch || gate.seq < cursor.committedSeq) return true;
  if (gate.seq === cursor.committedSeq && gate.tip !== cursor.tip) return true;
  const rests = gate.seq === cursor.committedSeq && gate.journalPosition === cursor.position;
  // The run looks for itself, and mends; this is only the bell.
  if (rests && compareCounters(items, gate.items, new Map()).length > 0) return true;
  if (gate.termsVersion !== termsVersion || hasToEnd) return true;
  // A gate that has heard of more than there is: the ledger has lost its tail.
  if (gate.journalPosition > cursor.position) return true;
  if (moveAt !== null && moveAt <= gate.now) return true;
  if (nextDeadline !== null && nextDeadline < gate.now) return true;
  if (drawAt !== null && drawAt <= gate.now) return true;
  const stoodStill = before !== undefined && before.committedSeq === cursor.committedSeq;
  if (gate.seq > cursor.committedSeq && stoodStill) return true;
  return (
    gate.journalPosition < cursor.position && before !== undefined && before.journal === gate.journalPosition
  );
}
