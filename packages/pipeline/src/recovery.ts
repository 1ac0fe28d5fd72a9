import type { LedgerSale, RunLedger, WorkerGate } from '@holdfast/core';

interface RecoveryParts {
  ledger: RunLedger;
  gate: WorkerGate;
  onRebuild?(saleId: string, why: string, outcome: 'rebuilt' | 'superseded'): void;
}

/**
 * Rebuilds one sale's gate from the ledger under a new epoch, unless another did so since `at` was read, or the ledger
 * has moved on and the gate must be looked at again.
 */
export async function rebuildSale(
  parts: RecoveryParts,
  at: LedgerSale,
  gateEpoch: number,
  why: string,
): Promise<void> {
  const source = await parts.ledger.fenceRebuild(at.sale.id, at.cursor, gateEpoch);
  if (source === null) return;
  const outcome = await parts.gate.rebuild(source);
  parts.onRebuild?.(at.sale.id, why, outcome);
}

/**
 * Brings every sale's gate of a shard back after Redis lost its memory, then opens the shard. A gate that agrees with the
 * ledger is left as it is. Several workers may do this at once: each rebuild is fenced.
 */
export async function bootShard(parts: RecoveryParts, shard: string): Promise<void> {
  const live = (await parts.ledger.liveSales()).filter((sale) => sale.shard === shard);
  const gates = await parts.gate.peek(live.map((sale) => sale.saleId));
  for (const { saleId, cursor } of live) {
    const gate = gates.get(saleId) ?? null;
    if (
      gate !== null &&
      gate.rebuilding === null &&
      gate.epoch === cursor.epoch &&
      gate.seq >= cursor.committedSeq
    )
      continue;
    const at = await parts.ledger.readSale(saleId);
    if (at !== null)
      await rebuildSale(
        parts,
        at,
        Math.max(gate?.epoch ?? 0, gate?.rebuilding ?? 0),
        'the shard lost its memory',
      );
  }
  // Another worker may have fenced a sale and not closed its gate yet; until then the shard must stay closed.
  const after = await parts.gate.peek(live.map((sale) => sale.saleId));
  if ([...after.values()].every((gate) => gate !== null)) await parts.gate.markBooted(shard);
}
