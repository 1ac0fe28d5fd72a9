import type { IntakeRead, LedgerSale, RebuildOutcome, RunLedger, WorkerGate } from '@holdfast/core';
import { commitResult } from './commit-result.ts';
import { rebuildSale } from './recovery.ts';
import { type Repair, type RepairWatch, repairResult, whyTooHigh } from './repair.ts';

export interface MendParts {
  ledger: RunLedger;
  gate: WorkerGate;
  /** Compares what runs read, and says what to mend; runs without it mend no counter. */
  repairs?: RepairWatch;
  /** Called for each item that was mended. */
  onRepair?(repair: Repair): void;
  onRebuild?(saleId: string, why: string, outcome: RebuildOutcome): void;
}

export type Batch = Extract<IntakeRead, { kind: 'batch' }>;
type Answered = Exclude<IntakeRead, { kind: 'rebuilding' | 'not_booted' }>;

/**
 * Makes gate and ledger agree where a read of both shows that they do not. Answers with the batch to go on with; null when
 * there was something to do, or to look at again.
 */
export async function mendSale(parts: MendParts, at: LedgerSale, read: Answered): Promise<Batch | null> {
  const lost = await lostMemory(parts.ledger, at, read);
  if (lost !== null) await rebuildSale(parts, at.sale.id, at.cursor, lost.epoch, lost.why);
  if (lost !== null || read.kind !== 'batch') return null;
  return (await mendCounters(parts, at, read)) ? null : read;
}

/** What shows that one side lost what the other has heard of it, and the gate's epoch; null when nothing does. */
async function lostMemory(
  ledger: RunLedger,
  at: LedgerSale,
  read: Answered,
): Promise<{ epoch: number; why: string } | null> {
  switch (read.kind) {
    case 'diverged':
      return read;
    case 'newer_epoch':
      // Rebuilt since the ledger was read, or by a ledger that has lost its tail: the fence knows which.
      return { epoch: read.epoch, why: `the ledger has lost epoch ${read.epoch}` };
    case 'batch': {
      const why = await lostByLedger(ledger, at, read);
      return why === null ? null : { epoch: at.cursor.epoch, why };
    }
  }
}

/**
 * What shows that the gate has heard of events that this ledger does not have: a replica was promoted without its tail,
 * or a backup restored. Null when all that the gate has heard is in the journal.
 */
async function lostByLedger(
  ledger: RunLedger,
  { sale, cursor }: LedgerSale,
  { journalPosition, head }: Batch,
): Promise<string | null> {
  const heard = Math.max(journalPosition, head?.position ?? 0);
  if (heard > cursor.position)
    return `the ledger has lost its tail: its journal ends at ${cursor.position}, the gate has heard of ${heard}`;
  if (head === null || (journalPosition === cursor.position && head.hash === cursor.head)) return null;
  const hash =
    head.position === cursor.position
      ? cursor.head
      : (await ledger.journal(sale.id, head.position - 1, 1))[0]?.hash;
  return hash === head.hash ? null : `the ledger has lost its tail: another journal at ${head.position}`;
}

/** Whether there was something to mend, or to look at again. */
async function mendCounters(parts: MendParts, at: LedgerSale, read: Batch): Promise<boolean> {
  const advice = (await parts.repairs?.look(at, read)) ?? { kind: 'nothing' };
  if (advice.kind === 'nothing') return false;
  if (advice.kind === 'again') return true;
  const { mendings } = advice;
  const { committedSeq: seq, tip, epoch } = at.cursor;
  const saleId = at.sale.id;
  const mended =
    advice.kind === 'rebuild'
      ? await rebuildSale(parts, saleId, at.cursor, epoch, whyTooHigh(mendings))
      : await commitResult(parts, at, read, repairResult(mendings, read.now), { seq, tip, ranAt: read.now });
  if (mended) for (const mending of mendings) parts.onRepair?.({ ...mending, saleId });
  return true;
}
