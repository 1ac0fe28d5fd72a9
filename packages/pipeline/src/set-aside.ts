import type { IntakeEntry, LedgerSale, RunLedger, UnreadableEntry, WorkerGate } from '@holdfast/core';
import { commitResult } from './commit-result.ts';
import type { Batch } from './mend.ts';
import { type Poison, type Quarantine, type Quarantined, quarantineResult } from './quarantine.ts';

export interface SetAsideParts {
  ledger: RunLedger;
  gate: WorkerGate;
  /** Counts how often an entry failed; runs without it leave one that does to others. */
  quarantine?: Quarantine;
  /** Called each time an entry at the head of the line fails. */
  onPoison?(poison: Poison): void;
  /** Called for each entry that was taken out of the line. */
  onQuarantine?(quarantined: Quarantined): void;
}

/** The rules have an answer to every entry; one at which they fail is as unfit as one that the ledger cannot store. */
export class Undecidable extends Error {}

export function isUnfit({ ledger }: Pick<SetAsideParts, 'ledger'>, error: unknown): boolean {
  return error instanceof Undecidable || ledger.isUnfit(error);
}

/** Tries the entry at the head of the line once more, later, or takes it out of the line. */
export async function setAside(
  parts: SetAsideParts,
  at: LedgerSale,
  read: Batch,
  entry: IntakeEntry | UnreadableEntry,
  err: unknown,
): Promise<'again' | 'wait' | 'set_aside'> {
  const saleId = at.sale.id;
  const { kind, tries } = parts.quarantine?.tryAgain(saleId, at.cursor.epoch, entry, read.now) ?? {
    kind: 'wait',
    tries: 0,
  };
  const newer = 'newer' in entry && entry.newer;
  parts.onPoison?.({ saleId, seq: entry.seq, tries, newer, err });
  if (kind !== 'set_aside') return kind;
  const written = await quarantineResult(parts, at, read, entry);
  if (written === null) return 'again';
  const reached = { seq: entry.seq, tip: entry.tip, ranAt: read.now };
  if (!(await commitResult(parts, at, read, written.result, reached))) return 'again';
  parts.onQuarantine?.(written.quarantined);
  return 'set_aside';
}
