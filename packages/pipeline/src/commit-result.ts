import type { IntakeRead, LedgerSale, Reached, RunLedger, RunResult, WorkerGate } from '@holdfast/core';
import { settleRun } from './settle.ts';

/** Writes what was decided besides the entries, and settles the gate. False when something had changed since the read. */
export async function commitResult(
  parts: { ledger: RunLedger; gate: WorkerGate },
  at: LedgerSale,
  read: Extract<IntakeRead, { kind: 'batch' }>,
  result: RunResult,
  reached: Reached,
): Promise<boolean> {
  const answer = await parts.ledger.commitRun(at.sale.id, at.cursor, result, reached);
  if (answer.kind !== 'committed') return false;
  const after = advance(at, result, answer.cursor);
  await settleRun(parts, at, after, result, answer.released, read.journalPosition);
  return true;
}

/** What a read of the ledger would show after the commit; the comparison of the next one proves it. */
export function advance(at: LedgerSale, result: RunResult, cursor: LedgerSale['cursor']): LedgerSale {
  const items = new Map(at.items);
  const withdrawn = new Map(at.withdrawn);
  for (const [sku, counters] of items) {
    items.set(sku, {
      stock: counters.stock,
      taken: counters.taken + (result.taken.get(sku) ?? 0),
      returned: counters.returned + (result.returned.get(sku) ?? 0),
    });
  }
  for (const [sku, units] of result.withdrawn) withdrawn.set(sku, (withdrawn.get(sku) ?? 0) + units);
  return {
    sale: at.sale,
    cursor,
    items,
    withdrawn,
    waiting: at.waiting + result.waiting,
    placed: Math.max(at.placed, result.drawnTo),
  };
}
