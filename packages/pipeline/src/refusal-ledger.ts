import type { RefusalCount, RunLedger, WorkerGate } from '@holdfast/core';

/** Minutes whose counts still change, or are not yet in the ledger of a worker that is behind. */
const keepMinutes = 10;

export interface RefusalLedger {
  /** One pass: what the gates of these sales counted since the last pass is written down. */
  recordOnce(saleIds: readonly string[]): Promise<void>;
}

/**
 * Brings the refusals that the edges count at the gate into the ledger. Counts are cumulative per minute, so any worker
 * may write them, any number of times; each writes only what it has not seen yet.
 */
export function createRefusalLedger(parts: { ledger: RunLedger; gate: WorkerGate }): RefusalLedger {
  let recorded = new Map<string, number>();
  return {
    async recordOnce(saleIds) {
      const counted = await parts.gate.readRefusals(saleIds);
      const seen = new Map<string, number>();
      for (const [saleId, counts] of counted) {
        const fresh = counts.filter((one) => recorded.get(nameOf(saleId, one)) !== one.count);
        if (fresh.length > 0) await parts.ledger.recordRefusals(saleId, fresh);
        for (const one of counts) seen.set(nameOf(saleId, one), one.count);
        const newest = Math.max(...counts.map((one) => one.minute));
        const over = counts.filter((one) => one.minute < newest - keepMinutes * 60_000);
        if (over.length > 0) await parts.gate.dropRefusals(saleId, over);
      }
      // Only what the gates still hold is remembered.
      recorded = seen;
    },
  };
}

function nameOf(saleId: string, { minute, reason }: RefusalCount): string {
  return `${saleId} ${minute} ${reason}`;
}
