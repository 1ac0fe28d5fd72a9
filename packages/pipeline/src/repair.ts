/**
 * Finds units that are nowhere, and gates that offer more than there is, and mends both. What a commit run reads anyway is
 * an exact comparison, however busy its sale is: the ledger at its cursor, and every entry from there to the intake's end
 * at the very instant of the gate's counters. Nothing is done at one look. The ledger's fence makes the second look hold:
 * if anything had moved since, nothing is written.
 */
import {
  compareCounters,
  type IntakeRead,
  isReserve,
  type LedgerSale,
  type Mending,
  type RunLedger,
  type RunResult,
} from '@holdfast/core';

type Batch = Extract<IntakeRead, { kind: 'batch' }>;

export interface Repair extends Mending {
  saleId: string;
}

/** `again`: read both sides once more, now. */
export type Advice =
  | { kind: 'nothing' }
  | { kind: 'again' }
  | { kind: 'rebuild'; mendings: Mending[] }
  | { kind: 'mend'; mendings: Mending[] };

export interface RepairWatch {
  /** What this look, and the one before it, say about a sale. */
  look(at: LedgerSale, read: Batch): Promise<Advice>;
}

/** How far apart the two looks at a leak are at least. */
export const secondLookAfterMs = 1_500;

interface Suspicion {
  /** What was found, as text; the second look must find the same. */
  found: string;
  at: number;
}

export function createRepairWatch(
  { readReservations }: Pick<RunLedger, 'readReservations'>,
  { afterMs = secondLookAfterMs }: { afterMs?: number } = {},
): RepairWatch {
  const suspicions = new Map<string, Suspicion>();

  return {
    async look(at, read) {
      const saleId = at.sale.id;
      // Elsewhere units are on their way: entries that were not read, or a settlement that the gate has not heard.
      if (!read.drained || read.journalPosition !== at.cursor.position) return { kind: 'nothing' };
      const inIntake = await unitsOfEntries(readReservations, saleId, read);
      if (inIntake === null) return { kind: 'nothing' };
      const mendings = compareCounters(at.items, read.items, inIntake);
      if (mendings.length === 0) {
        suspicions.delete(saleId);
        return { kind: 'nothing' };
      }
      const tooHigh = mendings.some(({ kind }) => kind === 'gate_too_high');
      const found = JSON.stringify([at.cursor.epoch, mendings]);
      const before = suspicions.get(saleId);
      const now = performance.now();
      if (before?.found !== found) {
        suspicions.set(saleId, { found, at: now });
        // Every unit that such a gate gives is one that its buyer has to be told of.
        return { kind: tooHigh ? 'again' : 'nothing' };
      }
      // Kept until a look finds nothing: what is advised now may lose its turn to another run, and is then advised again.
      if (tooHigh)
        return { kind: 'rebuild', mendings: mendings.filter(({ kind }) => kind === 'gate_too_high') };
      if (now - before.at < afterMs) return { kind: 'nothing' };
      return { kind: 'mend', mendings };
    },
  };
}

/** Units of the batch per item; null when an entry does not say how many it has, which happens to no correct one. */
async function unitsOfEntries(
  readReservations: RunLedger['readReservations'],
  saleId: string,
  { entries }: Batch,
): Promise<Map<string, number> | null> {
  const units = new Map<string, number>();
  const granted: string[] = [];
  const count = (lines: readonly { sku: string; quantity: number }[]) => {
    for (const { sku, quantity } of lines) units.set(sku, (units.get(sku) ?? 0) + quantity);
  };
  for (const entry of entries) {
    if (!entry.admitted) continue;
    if (isReserve(entry) || entry.kind === 'place') count(entry.lines);
    else granted.push(entry.ticketId);
  }
  if (granted.length === 0) return units;
  const rows = new Map(
    (await readReservations(saleId, [...new Set(granted)])).map((row) => [row.ticketId, row]),
  );
  for (const ticketId of granted) {
    const row = rows.get(ticketId);
    if (row === undefined) return null;
    count(row.lines);
  }
  return units;
}

/**
 * What a commit run writes for a repair. Units that are nowhere are added to `taken` and to `returned`: the ledger then has
 * taken what the gate gave, and has it back, so that settling raises the ceiling. A ceiling that is too low needs only the
 * settling: it takes the ledger's by maximum.
 */
export function repairResult(mendings: readonly Mending[], at: number): RunResult {
  const leaked = new Map(
    mendings.filter(({ kind }) => kind === 'leak').map(({ sku, units }) => [sku, units] as const),
  );
  return {
    inserted: [],
    updated: [],
    events: mendings.map(({ sku, kind, units }) => ({
      type: 'repaired',
      ticketId: null,
      commandId: null,
      data: { sku, delta: units, repair: kind },
      at,
    })),
    taken: leaked,
    returned: new Map(leaked),
    withdrawn: new Map(),
    released: new Map(),
    waiting: 0,
    placed: [],
    drawnTo: 0,
    tallies: [],
    overdrawn: false,
  };
}

/** In words, for the log and the journal. */
export function whyTooHigh(mendings: readonly Mending[]): string {
  const units = mendings.reduce((sum, mending) => sum + mending.units, 0);
  return `the gate had ${units} ${units === 1 ? 'unit' : 'units'} more than there ${units === 1 ? 'is' : 'are'}`;
}
