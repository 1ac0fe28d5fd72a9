import type { Cursor, GateState, RebuildOutcome, RunLedger, WorkerGate } from '@holdfast/core';

/** Sales of a shard that one worker rebuilds at a time. */
const rebuildsAtOnce = 6;

interface RecoveryParts {
  ledger: RunLedger;
  gate: WorkerGate;
  onRebuild?(saleId: string, why: string, outcome: RebuildOutcome): void;
}

/**
 * Rebuilds one sale's gate from the ledger under a new epoch, unless another did so since `observed` was read, or the
 * ledger has moved on. `observed` must have been read before the gate was looked at: whoever looks at the gate first may
 * take a gate that was rebuilt meanwhile for one that is wrong. False when nothing was done.
 */
export async function rebuildSale(
  parts: RecoveryParts,
  saleId: string,
  observed: Cursor,
  gateEpoch: number,
  why: string,
): Promise<boolean> {
  const source = await parts.ledger.fenceRebuild(saleId, observed, gateEpoch, why);
  if (source === null) return false;
  const outcome = await parts.gate.rebuild(source);
  parts.onRebuild?.(saleId, why, outcome);
  return true;
}

/**
 * Brings every sale's gate of a shard back after Redis lost its memory, then opens the shard. A gate that agrees with the
 * ledger is left as it is, and so is one that another worker is rebuilding.
 */
export function bootShard(parts: RecoveryParts, shard: string): Promise<void> {
  let shards = booting.get(parts.gate);
  if (shards === undefined) booting.set(parts.gate, (shards = new Map()));
  const current = shards.get(shard);
  if (current !== undefined) return current;
  const boot = bootOnce(parts, shard).finally(() => shards.delete(shard));
  shards.set(shard, boot);
  return boot;
}

/** Every run that finds the shard closed wants it open, and one look at all of its sales is enough for all of them. */
const booting = new WeakMap<WorkerGate, Map<string, Promise<void>>>();

async function bootOnce(parts: RecoveryParts, shard: string): Promise<void> {
  const live = (await parts.ledger.liveSales()).filter((sale) => sale.shard === shard);
  const saleIds = live.map((sale) => sale.saleId);
  const gates = await parts.gate.peek(saleIds);
  const lost = live.filter(({ saleId, cursor }) => {
    const gate = gates.get(saleId) ?? null;
    return gate === null || (gate.rebuilding === null && !agrees(gate, cursor));
  });
  const next = lost.values();
  // One reads the ledger while another writes to the gate; the failure of one sale does not keep the others closed.
  const failures: unknown[] = [];
  const rebuildOthers = async () => {
    for (const { saleId, cursor } of next) {
      const gateEpoch = gates.get(saleId)?.epoch ?? 0;
      await rebuildSale(parts, saleId, cursor, gateEpoch, 'the shard lost its memory').catch(
        (error: unknown) => void failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: rebuildsAtOnce }, rebuildOthers));
  if (failures.length > 0) throw failures[0];
  // Another worker may have fenced a sale and not closed its gate yet; until then the shard must stay closed.
  const after = await parts.gate.peek(saleIds);
  if (saleIds.every((saleId) => after.get(saleId) !== null)) await parts.gate.markBooted(shard);
}

function agrees(gate: GateState, cursor: Cursor): boolean {
  return gate.epoch === cursor.epoch && gate.seq >= cursor.committedSeq;
}
