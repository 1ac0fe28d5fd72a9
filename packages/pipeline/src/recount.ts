import type { Mending, RunLedger } from '@holdfast/core';
import type { Committer } from './committer.ts';
import { type Repair, secondLookAfterMs } from './repair.ts';

type LiveSale = Awaited<ReturnType<RunLedger['liveSales']>>[number];

export interface RecountParts {
  ledger: Pick<RunLedger, 'recount' | 'readSale' | 'mendCounters'>;
  committer: Committer;
  onRepair?(repair: Repair): void;
}

export interface Recounts {
  /** Adds up the rows of the one sale whose turn it is, at most, and mends what two counts found. */
  recountOnce(live: readonly LiveSale[]): Promise<void>;
}

/** Adding up a million rows takes seconds, so counting takes at most this part of the time. */
const shareOfTime = 1 / 20;

/**
 * Holds the ledger's counters against its own rows, sale after sale: first where the epoch has changed, since a rebuild
 * may have been the consequence of a wrong counter, then where anything else has.
 */
export function createRecounts(
  { ledger, committer, onRepair }: RecountParts,
  { afterMs = secondLookAfterMs }: { afterMs?: number } = {},
): Recounts {
  const counted = new Map<string, { epoch: number; revision: number; turn: number }>();
  const suspicions = new Map<string, { found: string; at: number }>();
  let turn = 0;
  let nextAt = 0;

  /** Whoever is suspected comes first, and before the second count is due nobody does it a third time. */
  function next(live: readonly LiveSale[], now: number): string | null {
    for (const [saleId, { at }] of suspicions) if (now - at >= afterMs) return saleId;
    let best: { saleId: string; rank: number } | null = null;
    for (const { saleId, cursor } of live) {
      const last = counted.get(saleId);
      if (suspicions.has(saleId) || (last !== undefined && last.revision === cursor.revision)) continue;
      const rank = last !== undefined && last.epoch !== cursor.epoch ? -1 : (last?.turn ?? 0);
      if (best === null || rank < best.rank) best = { saleId, rank };
    }
    return best?.saleId ?? null;
  }

  async function count(saleId: string): Promise<void> {
    const before = suspicions.get(saleId);
    const mendings = await ledger.recount(saleId);
    const found = JSON.stringify(mendings);
    if (mendings.length === 0) suspicions.delete(saleId);
    else if (before?.found !== found) suspicions.set(saleId, { found, at: performance.now() });
    else await mend(saleId, mendings);
  }

  async function mend(saleId: string, mendings: readonly Mending[]): Promise<void> {
    const at = await ledger.readSale(saleId);
    const answer =
      at === null
        ? 'stale'
        : await ledger.mendCounters(saleId, at.cursor, mendings, Math.max(Date.now(), at.cursor.ranAt));
    // A sale that moved meanwhile is not suspected less: at the next pass the rows are added up again.
    if (answer !== 'mended') return;
    suspicions.delete(saleId);
    for (const mending of mendings) onRepair?.({ ...mending, saleId });
    await committer.commitSale(saleId);
  }

  return {
    async recountOnce(live) {
      const startedAt = performance.now();
      if (startedAt < nextAt) return;
      const saleId = next(live, startedAt);
      if (saleId === null) return;
      const cursor = live.find((sale) => sale.saleId === saleId)?.cursor;
      counted.set(saleId, { epoch: cursor?.epoch ?? 0, revision: cursor?.revision ?? 0, turn: ++turn });
      try {
        await count(saleId);
      } finally {
        nextAt = performance.now() + (performance.now() - startedAt) / shareOfTime;
      }
    },
  };
}
