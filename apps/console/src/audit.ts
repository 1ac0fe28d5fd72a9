import {
  type Check,
  checkLaws,
  type Cursor,
  emptyFold,
  foldEvent,
  type GateCounts,
  type GateLook,
  type IntakeEntry,
  isReserve,
  type JournalFold,
  type LedgerSale,
  type Line,
  type LedgerSums,
  type NewEvent,
  type WorkerGate,
} from '@holdfast/core';
import type { Incident } from '@holdfast/contracts';
import { hashOf, journalStart, type Ledger } from '@holdfast/ledger';

export interface Audit {
  ok: boolean;
  checks: Check[];
  /** The newest of what was mended, rebuilt or set aside. */
  incidents: Incident[];
}

type AuditGate = Pick<WorkerGate, 'readIntake' | 'counts'>;

/** How long an audit looks for an instant at which the gate has applied just what the ledger has written. */
const settledWithinMs = 2_000;
/** How long it looks for an instant at which the gate has applied no more than that. */
const consistentWithinMs = 10_000;
const pauseMs = 3;
/** Newest incidents that a verdict names; the journal has all. */
const mostIncidents = 20;
/** The gate counts no more entries than these at a time. */
const maxDepth = 5_000;
/** The ledger's instant is held open meanwhile, and the ledger ends what stands still for 2 s. */
const lookWithinMs = 1_500;

/**
 * Holds every law against one sale, open or not. Null when there is no such sale; throws when no consistent look could
 * be had in time. A broken law is looked at a second time before it is reported, so that what was in flight is not
 * taken for a fault.
 */
export async function auditSale(ledger: Ledger, gate: AuditGate, saleId: string): Promise<Audit | null> {
  const first = await auditOnce(ledger, gate, saleId);
  return first === null || first.ok ? first : auditOnce(ledger, gate, saleId);
}

async function auditOnce(ledger: Ledger, gate: AuditGate, saleId: string): Promise<Audit | null> {
  const startedAt = Date.now();
  for (;;) {
    const elapsedMs = Date.now() - startedAt;
    const answer = await ledger.auditSums(saleId, (at) => inTime(lookAtGate(gate, at, elapsedMs)));
    if (answer === null) return null;
    if (answer !== 'moved') {
      const { look, granted } = answer.seen;
      return judge(ledger, saleId, answer.sums, look && (await withGranted(ledger, saleId, look, granted)));
    }
    if (elapsedMs > consistentWithinMs)
      throw new Error(`The gate of sale ${saleId} did not stand still for an audit`);
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
  }
}

async function inTime<Look>(look: Promise<Look>): Promise<Look> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fault = () => reject(new Error(`The gate did not answer an audit within ${lookWithinMs} ms`));
    timer = setTimeout(fault, lookWithinMs);
  });
  return Promise.race([look, late]).finally(() => clearTimeout(timer));
}

/** `granted`: tickets whose units were given by grants that stand in the intake. */
interface Seen {
  look: GateLook | null;
  granted: string[];
}

/** The gate as it belongs to the ledger's instant; null when it is elsewhere and another look makes sense. */
async function lookAtGate(
  gate: AuditGate,
  { sale, cursor }: LedgerSale,
  elapsedMs: number,
): Promise<Seen | null> {
  const intake = await gate.readIntake(sale.id, cursor, 1);
  const counts = await gate.counts(sale.id, cursor.committedSeq);
  const patient = elapsedMs < settledWithinMs;
  if (counts === null) return patient ? null : { look: null, granted: [] };
  const follows = intake.kind === 'batch' && counts.epoch === cursor.epoch && counts.rebuilding === null;
  // What the gate trimmed after the ledger's instant can no longer be counted, so this look would accuse falsely.
  if (follows && (counts.cursor > cursor.committedSeq || counts.journalPosition > cursor.position))
    return null;
  if (patient && (!follows || counts.journalPosition < cursor.position)) return null;
  const end = follows ? await gateAtEnd(gate, sale.id, cursor, counts) : counts;
  if (end === null) return null;
  const { items, granted } = end;
  return { look: { counts, items, tipAtCursor: tipOf(intake, cursor.tip) }, granted };
}

/**
 * The gate's items with the units of every entry after the ledger's cursor. A deep intake is read piece by piece: an
 * entry never changes, so only the last piece must be counted together with the gate's own counters.
 */
async function gateAtEnd(
  gate: AuditGate,
  saleId: string,
  from: Cursor,
  first: GateCounts,
): Promise<Pick<GateCounts, 'items' | 'granted'> | null> {
  const read = new Map<string, number>();
  const granted: string[] = [];
  let counts: GateCounts | null = first;
  let cursor = from;
  while (counts !== null && counts.depth > maxDepth) {
    const piece = await gate.readIntake(saleId, cursor, maxDepth);
    const last = piece.kind === 'batch' ? piece.entries.at(-1) : undefined;
    if (piece.kind !== 'batch' || last === undefined) return null;
    for (const { sku, quantity } of piece.entries.flatMap(linesAdmitted))
      read.set(sku, (read.get(sku) ?? 0) + quantity);
    for (const entry of piece.entries) if (entry.kind === 'grant') granted.push(entry.ticketId);
    cursor = { ...cursor, committedSeq: last.seq, tip: last.tip };
    if (piece.behind <= maxDepth) counts = await gate.counts(saleId, cursor.committedSeq);
  }
  if (counts === null || counts.epoch !== from.epoch || counts.cursor > cursor.committedSeq) return null;
  return {
    items: counts.items.map((item) => ({ ...item, inIntake: item.inIntake + (read.get(item.sku) ?? 0) })),
    granted: [...granted, ...counts.granted],
  };
}

/** A grant has the units of its ticket, whose row was there before anybody could grant it something, and keeps its lines. */
async function withGranted(
  ledger: Ledger,
  saleId: string,
  look: GateLook,
  granted: readonly string[],
): Promise<GateLook> {
  if (granted.length === 0) return look;
  const units = new Map<string, number>();
  for (const { lines } of await ledger.readReservations(saleId, [...granted]))
    for (const { sku, quantity } of lines) units.set(sku, (units.get(sku) ?? 0) + quantity);
  const items = look.items.map((item) => ({ ...item, inIntake: item.inIntake + (units.get(item.sku) ?? 0) }));
  return { ...look, items };
}

function linesAdmitted(entry: IntakeEntry): Line[] {
  return (isReserve(entry) || entry.kind === 'place') && entry.admitted ? entry.lines : [];
}

function tipOf(intake: Awaited<ReturnType<AuditGate['readIntake']>>, tip: string): string {
  if (intake.kind === 'batch') return tip;
  return intake.kind === 'diverged' ? intake.why : intake.kind;
}

async function judge(
  ledger: Ledger,
  saleId: string,
  sums: LedgerSums,
  look: GateLook | null,
): Promise<Audit> {
  const { fold, head, incidents } = await readJournal(ledger, saleId, sums.position);
  const checks = checkLaws(sums, look, fold, head);
  return { ok: checks.every((check) => check.ok), checks, incidents };
}

/** Folds the journal and recomputes its chain; a stored hash that does not follow ends the chain there. */
async function readJournal(
  ledger: Ledger,
  saleId: string,
  lastPosition: number,
): Promise<{ fold: JournalFold; head: string; incidents: Incident[] }> {
  const fold = emptyFold();
  const incidents: Incident[] = [];
  let head = journalStart;
  let brokenAt: number | null = null;
  for await (const rows of ledger.journalRows(saleId, lastPosition)) {
    for (const row of rows) {
      head = hashOf(saleId, head, row);
      if (head !== row.hash) brokenAt ??= row.position;
      const event = {
        ...row,
        type: row.type as NewEvent['type'],
        data: JSON.parse(row.data) as NewEvent['data'],
      };
      if (isIncident(event)) incidents.push(event);
      foldEvent(
        fold,
        event,
        row.epoch === null || row.seq === null ? null : { epoch: row.epoch, seq: row.seq },
      );
    }
  }
  return {
    fold,
    head: brokenAt === null ? head : `broken at position ${brokenAt}`,
    incidents: incidents.slice(-mostIncidents),
  };
}

/** A sale's first gate is built like any other, and is none. */
function isIncident({ type, data }: NewEvent): boolean {
  return type === 'repaired' || type === 'quarantined' || (type === 'gate_rebuilt' && data.epoch !== 1);
}
