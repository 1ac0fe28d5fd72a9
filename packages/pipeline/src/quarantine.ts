/**
 * One entry that cannot be committed must not hold up all that came after it. It is tried three times, then it is taken
 * out of the line: its units go back on sale, its buyer is told, and whoever keeps the house hears of it.
 */
import {
  type IntakeEntry,
  type IntakeRead,
  type LedgerSale,
  newerPatienceMs,
  quarantineEntry,
  type RunLedger,
  type RunResult,
  type UnreadableEntry,
  type WorkerGate,
} from '@holdfast/core';

/** How often one worker tries an entry that fails by itself. */
const maxTries = 3;

/** An entry that could not be committed, and stands at the head of its line. */
export interface Poison {
  saleId: string;
  seq: number;
  tries: number;
  /** A newer program wrote it, and it waits for one to read it. */
  newer: boolean;
  err: unknown;
}

/** An entry that was taken out of the line. */
export interface Quarantined {
  saleId: string;
  epoch: number;
  seq: number;
  /** SHA-256 of its text, without the part that names a person. */
  digest: string;
  /** Units that went back; when it did not say how many it had, the repair finds them. */
  units: number;
}

export interface Quarantine {
  /** What to do about an entry that failed once more. */
  tryAgain(saleId: string, epoch: number, entry: IntakeEntry | UnreadableEntry, now: number): Verdict;
}

interface Verdict {
  kind: 'again' | 'wait' | 'set_aside';
  tries: number;
}

/** Counts the tries of this process. */
export function createQuarantine({ patienceMs = newerPatienceMs }: { patienceMs?: number } = {}): Quarantine {
  const failing = new Map<string, { entry: string; tries: number; since: number }>();

  return {
    tryAgain(saleId, epoch, entry, now) {
      const name = `${epoch}.${entry.seq}`;
      const before = failing.get(saleId);
      const last = before?.entry === name ? before : { entry: name, tries: 0, since: now };
      const tries = last.tries + 1;
      failing.set(saleId, { ...last, tries });
      if ('newer' in entry && entry.newer && now - (entry.at ?? last.since) < patienceMs)
        return { kind: 'wait', tries };
      if (tries < maxTries) return { kind: 'again', tries };
      failing.delete(saleId);
      return { kind: 'set_aside', tries };
    },
  };
}

/** What a run writes to take the entry at the head of the line out of it; null when the gate no longer has it. */
export async function quarantineResult(
  { ledger, gate }: { ledger: RunLedger; gate: WorkerGate },
  at: LedgerSale,
  read: Extract<IntakeRead, { kind: 'batch' }>,
  entry: IntakeEntry | UnreadableEntry,
): Promise<{ result: RunResult; quarantined: Quarantined } | null> {
  const saleId = at.sale.id;
  const digest = 'digest' in entry ? entry.digest : await gate.entryDigest(saleId, entry.seq);
  if (digest === null) return null;
  const { epoch } = at.cursor;
  const rows = isAskable(entry.ticketId) ? await ledger.readReservations(saleId, [entry.ticketId]) : [];
  const result = quarantineEntry(
    {
      saleId,
      epoch,
      rules: at.sale,
      items: at.items,
      reservations: new Map(rows.map((row) => [row.ticketId, row])),
      used: new Map(),
      known: new Set(),
    },
    entry,
    digest,
    read.now,
  );
  const units = [...result.returned.values()].reduce((sum, count) => sum + count, 0);
  return { result, quarantined: { saleId, epoch, seq: entry.seq, digest, units } };
}

/** Asking the ledger for what no ticket is called may be the very thing that fails. */
function isAskable(ticketId: string | null): ticketId is string {
  return ticketId !== null && /^[\w.-]{1,100}$/.test(ticketId);
}
