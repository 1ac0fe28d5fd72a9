import type { IntakeDepth, QueueCounts, QueuesView, WorkerSeen } from '@holdfast/contracts';
import type { RunLedger, WorkerGate } from '@holdfast/core';

/** What the pipeline says about its queues and the workers on them. */
export interface QueueView {
  counts(): Promise<QueueCounts[]>;
  workers(): Promise<WorkerSeen[]>;
}

export interface QueueWatch {
  /** At most `freshMs` old; many who look at once cost one look. */
  look(): Promise<QueuesView>;
}

interface WatchParts {
  queueView: QueueView;
  ledger: Pick<RunLedger, 'liveSales'>;
  gate: Pick<WorkerGate, 'peek' | 'counts'>;
}

const freshMs = 900;
/** Intakes counted per look, the longest first: a look must not become a load. */
const maxIntakes = 100;

export function createQueueWatch(parts: WatchParts): QueueWatch {
  return { look: shared(() => lookOnce(parts), freshMs, Date.now) };
}

/** One look for all who ask within `milliseconds` of it. A failed look is nobody's but theirs who waited for it. */
export function shared<View>(
  look: () => Promise<View>,
  milliseconds: number,
  now: () => number,
): () => Promise<View> {
  let last: { at: number; view: Promise<View> } | null = null;
  return () => {
    if (last === null || now() - last.at > milliseconds) {
      const begun = { at: now(), view: look() };
      last = begun;
      begun.view.catch(() => {
        if (last === begun) last = null;
      });
    }
    return last.view;
  };
}

async function lookOnce({ queueView, ledger, gate }: WatchParts): Promise<QueuesView> {
  const [queues, workers, intakes] = await Promise.all([
    queueView.counts(),
    queueView.workers(),
    intakeDepths(ledger, gate),
  ]);
  return { at: Date.now(), queues, intakes, workers };
}

/** Sales with entries that the ledger does not have yet. */
async function intakeDepths(ledger: WatchParts['ledger'], gate: WatchParts['gate']): Promise<IntakeDepth[]> {
  const sales = await ledger.liveSales();
  const states = await gate.peek(sales.map((sale) => sale.saleId));
  const behind = sales
    .map(({ saleId, cursor }) => ({
      saleId,
      cursor,
      behind: (states.get(saleId)?.seq ?? 0) - cursor.committedSeq,
    }))
    .filter((sale) => sale.behind > 0)
    .sort((left, right) => right.behind - left.behind)
    .slice(0, maxIntakes);
  const depths: IntakeDepth[] = [];
  for (const { saleId, cursor } of behind) {
    const counts = await gate.counts(saleId, cursor.committedSeq);
    if (counts === null || counts.depth === 0) continue;
    const ageMs = counts.oldestAt === null ? 0 : Math.max(0, counts.now - counts.oldestAt);
    depths.push({ saleId, depth: counts.depth, oldestAgeSeconds: ageMs / 1_000 });
  }
  return depths;
}
