/**
 * The commit run of one sale: read the ledger, read the gate, decide, write one transaction, settle the gate, and again
 * until the intake is at its end. It may be killed, doubled or frozen at any line: everything it does is compared at the
 * other side, and doing it again changes nothing.
 */
import { setTimeout } from 'node:timers/promises';
import {
  type CommitAnswer,
  decideRun,
  endedBy,
  hasToEnd,
  type IntakeEntry,
  type IntakeRead,
  isReserve,
  type LedgerSale,
  moveSale,
  type NewEvent,
  nextMove,
  type Reservation,
  type RunLedger,
  type RunInput,
  type RunResult,
  type Sale,
  type UnreadableEntry,
  unitsOfBuyers,
  type WorkerGate,
} from '@holdfast/core';
import { drawLobby, drawsNow } from './draw.ts';
import { type Poison, type Quarantine, type Quarantined, quarantineResult } from './quarantine.ts';
import { bootShard, rebuildSale } from './recovery.ts';
import { type Advice, type Repair, type RepairWatch, repairResult, whyTooHigh } from './repair.ts';
import { settleJournal, settleRun } from './settle.ts';

export interface CommitParts {
  ledger: RunLedger;
  gate: WorkerGate;
  /** Called after each transaction, for metrics. */
  onCommit?(batch: CommittedBatch): void;
  onRebuild?(saleId: string, why: string, outcome: 'rebuilt' | 'superseded'): void;
  /** Called when a run begins again because something had changed since it read: a conflict, another run, a rebuild. */
  onRetry?(saleId: string): void;
  /** Compares what runs read, and says what to mend; runs without it mend nothing. */
  repairs?: RepairWatch;
  /** Called for each item that was mended. */
  onRepair?(repair: Repair): void;
  /** Counts how often an entry failed; runs without it leave one that does to others. */
  quarantine?: Quarantine;
  /** Called each time an entry at the head of the line fails. */
  onPoison?(poison: Poison): void;
  /** Called for each entry that was taken out of the line. */
  onQuarantine?(quarantined: Quarantined): void;
  /** How often a run begins again before the sale is left to the next bell or sweep. */
  retryBudget?: number;
}

export interface CommittedBatch {
  saleId: string;
  entries: number;
  expired: number;
  durationMs: number;
  /** Age of the oldest entry of the batch by the gate's clock, milliseconds. */
  oldestAgeMs: number;
}

/** `left`: another run holds the sale, or its gate is being rebuilt; whoever does that reads again after it. */
export interface CommitReport {
  kind: 'at_end' | 'left' | 'unknown_sale';
  entries: number;
  /** When the last holds made by this run lapse, and the time of that run, by the gate's clock; epoch milliseconds. */
  lapse: { at: number; now: number } | null;
}

/** Entries per transaction: at about 1,000 a row costs Postgres least. */
const maxEntries = 1_000;
/** Holds that one transaction expires, and reservations that it ends. */
const maxExpiries = 1_000;
/** Pauses before a run begins again, milliseconds; with jitter, so that two that met do not meet again. */
const firstPauseMs = 2;
const longestPauseMs = 100;

export async function commitSale(parts: CommitParts, saleId: string): Promise<CommitReport> {
  const report: CommitReport = { kind: 'left', entries: 0, lapse: null };
  let at: LedgerSale | null = null;
  let most = maxEntries;
  const retryBudget = parts.retryBudget ?? 8;
  for (let retries = 0; retries <= retryBudget; ) {
    at ??= await parts.ledger.readSale(saleId);
    if (at === null) return { ...report, kind: 'unknown_sale' };
    const read = await parts.gate.readIntake(saleId, at.cursor, most, [...at.items.keys()]);
    if (read.kind === 'rebuilding') return report;
    if (read.kind !== 'batch') {
      if (read.kind === 'not_booted') await bootShard(parts, at.sale.shard);
      if (read.kind === 'diverged') await rebuildSale(parts, saleId, at.cursor, read.epoch, read.why);
      // Rebuilt since the ledger was read, or by a ledger that has lost its tail: the fence knows which.
      if (read.kind === 'newer_epoch')
        await rebuildSale(parts, saleId, at.cursor, read.epoch, `the ledger has lost epoch ${read.epoch}`);
      at = null;
      await pauseBefore(parts, saleId, ++retries);
      continue;
    }
    const lost = await lostByLedger(parts.ledger, at, read);
    if (lost !== null) {
      await rebuildSale(parts, saleId, at.cursor, at.cursor.epoch, lost);
      at = null;
      await pauseBefore(parts, saleId, ++retries);
      continue;
    }
    if (await mend(parts, at, read)) {
      at = null;
      await pauseBefore(parts, saleId, ++retries);
      continue;
    }
    if (read.entries.length === 0 && read.unreadable !== null) {
      if ((await setAside(parts, at, read, read.unreadable, null)) !== 'set_aside') return report;
      at = null;
      continue;
    }
    let step: Awaited<ReturnType<typeof commitBatch>>;
    try {
      const isWhole = most === maxEntries || read.entries.length < most;
      step = await commitBatch(parts, at, read, report, isWhole);
    } catch (error) {
      // Half as many until the one is found that fails by itself; what fails without any entry is nobody's.
      const [first] = read.entries;
      if (first === undefined || parts.quarantine === undefined || !isUnfit(parts, error)) throw error;
      const alone = read.entries.length === 1;
      if (alone && (await setAside(parts, at, read, first, error)) === 'wait') return report;
      most = Math.ceil(read.entries.length / 2);
      at = null;
      if (alone) await pauseBefore(parts, saleId, ++retries);
      continue;
    }
    most = Math.min(2 * most, maxEntries);
    if (step === 'at_end') return { ...report, kind: 'at_end' };
    if (step === 'busy') return report;
    if (step === 'stale') await pauseBefore(parts, saleId, ++retries);
    at = typeof step === 'string' ? null : step;
  }
  return report;
}

/**
 * What shows that the gate has heard of events that this ledger does not have: a replica was promoted without its tail,
 * or a backup restored. Null when all that the gate has heard is in the journal.
 */
async function lostByLedger(
  ledger: RunLedger,
  { sale, cursor }: LedgerSale,
  { journalPosition, head }: Extract<IntakeRead, { kind: 'batch' }>,
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

/** The rules have an answer to every entry; one at which they fail is as unfit as one that the ledger cannot store. */
class Undecidable extends Error {}

function isUnfit(parts: CommitParts, error: unknown): boolean {
  return error instanceof Undecidable || parts.ledger.isUnfit(error);
}

/** Tries the entry at the head of the line once more, later, or takes it out of the line. */
async function setAside(
  parts: CommitParts,
  at: LedgerSale,
  read: Extract<IntakeRead, { kind: 'batch' }>,
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
  const { result, quarantined } = written;
  const reached = { seq: entry.seq, tip: entry.tip, ranAt: read.now };
  const answer = await parts.ledger.commitRun(saleId, at.cursor, result, reached);
  if (answer.kind !== 'committed') return 'again';
  parts.onQuarantine?.(quarantined);
  await settleRun(
    parts,
    at,
    advance(at, result, answer.cursor),
    result,
    answer.released,
    read.journalPosition,
  );
  return 'set_aside';
}

/** Whether there was something to mend, or to look at again: then this read is over. */
async function mend(
  parts: CommitParts,
  at: LedgerSale,
  read: Extract<IntakeRead, { kind: 'batch' }>,
): Promise<boolean> {
  const advice: Advice = (await parts.repairs?.look(at, read)) ?? { kind: 'nothing' };
  const saleId = at.sale.id;
  if (advice.kind === 'nothing') return false;
  if (advice.kind === 'again') return true;
  const told = () => {
    for (const mending of advice.mendings) parts.onRepair?.({ ...mending, saleId });
  };
  if (advice.kind === 'rebuild') {
    if (await rebuildSale(parts, saleId, at.cursor, at.cursor.epoch, whyTooHigh(advice.mendings))) told();
    return true;
  }
  const result = repairResult(advice.mendings, read.now);
  const { committedSeq: seq, tip } = at.cursor;
  const answer = await parts.ledger.commitRun(saleId, at.cursor, result, { seq, tip, ranAt: read.now });
  if (answer.kind !== 'committed') return true;
  told();
  await settleRun(
    parts,
    at,
    advance(at, result, answer.cursor),
    result,
    answer.released,
    read.journalPosition,
  );
  return true;
}

async function pauseBefore(parts: CommitParts, saleId: string, retry: number): Promise<void> {
  parts.onRetry?.(saleId);
  await setTimeout(Math.random() * Math.min(firstPauseMs * 2 ** retry, longestPauseMs));
}

/** One batch: where the sale stands after it, or why there is nothing to go on from. */
async function commitBatch(
  parts: CommitParts,
  at: LedgerSale,
  read: Extract<IntakeRead, { kind: 'batch' }>,
  report: CommitReport,
  isWhole: boolean,
): Promise<LedgerSale | 'at_end' | 'busy' | 'stale' | 'again'> {
  const { ledger } = parts;
  const saleId = at.sale.id;
  // Holds lapse only when everything that reached the gate before `now` is in this batch: a confirm in time counts.
  // Not while an entry is looked for that fails: what fails must be the entry.
  const isLast = read.drained && isWhole;
  const due = isLast ? await ledger.dueHolds(saleId, read.now, maxExpiries) : [];
  const ending = isLast ? await toEnd(ledger, at) : [];
  if (read.entries.length === 0 && due.length === 0 && ending.length === 0) {
    const move = nextMove(at.sale);
    if (move !== null && move.at <= read.now) return moveOnTime(ledger, at, move.verb, read.now);
    const draws = drawsNow(at, read.now);
    if (read.journalPosition >= at.cursor.position) return draws ? drawLobby(parts, at, read.now) : 'at_end';
    await settleJournal(parts, saleId, read.journalPosition, at.cursor.position);
    // Settling may have granted units to those who wait: entries that this run has not read.
    if (at.waiting > 0) return 'stale';
    return draws ? 'again' : 'at_end';
  }
  const startedAt = performance.now();
  const { result, answer } = await decideAndCommit(ledger, at, read, { due, ending });
  if (answer.kind === 'busy') return 'busy';
  if (answer.kind !== 'committed') return 'stale';
  const first = read.entries[0];
  parts.onCommit?.({
    saleId,
    entries: read.entries.length,
    expired: due.length,
    durationMs: performance.now() - startedAt,
    oldestAgeMs: first === undefined ? 0 : read.now - first.at,
  });
  report.entries += read.entries.length;
  if (result.inserted.some((reservation) => reservation.status === 'held'))
    report.lapse = { at: read.now + at.sale.holdSeconds * 1000, now: read.now };
  const after = advance(at, result, answer.cursor);
  await settleRun(parts, at, after, result, answer.released, read.journalPosition);
  if (result.overdrawn) {
    await rebuildSale(parts, saleId, after.cursor, after.cursor.epoch, 'the gate gave a unit that was taken');
    return 'stale';
  }
  // Always read again: whoever met this run's lock has left, trusting that it will.
  return after;
}

/** What happens without anybody's command: holds that are due, and what a sale that is over has to end. */
interface ByItself {
  due: readonly Reservation[];
  ending: readonly Reservation[];
}

async function toEnd(
  ledger: RunLedger,
  { sale, items, withdrawn, waiting }: LedgerSale,
): Promise<Reservation[]> {
  const units = unitsOfBuyers(items, withdrawn);
  const statuses = endedBy[sale.status];
  if (statuses === undefined || !hasToEnd(sale.status, waiting, units)) return [];
  return ledger.reservationsIn(sale.id, statuses, maxExpiries);
}

/** The gate has done it at that very instant; the ledger's status follows, and with it the answer to those who wait. */
async function moveOnTime(
  ledger: RunLedger,
  { sale, cursor }: LedgerSale,
  verb: 'open' | 'close',
  now: number,
): Promise<'again' | 'stale'> {
  const status = moveSale(sale.status, verb) ?? sale.status;
  const event: NewEvent = { type: 'sale_moved', ticketId: null, commandId: null, data: { status }, at: now };
  const moved: Sale = { ...sale, status, termsVersion: sale.termsVersion + 1 };
  return (await ledger.move(cursor, moved, event)) === 'changed' ? 'again' : 'stale';
}

/** A ticket that is known already is so rare that it is looked for only when an insert found it. */
async function decideAndCommit(
  ledger: RunLedger,
  at: LedgerSale,
  read: Extract<IntakeRead, { kind: 'batch' }>,
  byItself: ByItself,
): Promise<{ result: RunResult; answer: CommitAnswer }> {
  const last = read.entries.at(-1);
  const reached = {
    seq: last?.seq ?? at.cursor.committedSeq,
    tip: last?.tip ?? at.cursor.tip,
    ranAt: read.now,
  };
  let known = new Set<string>();
  for (;;) {
    const result = await decide(ledger, at, read.entries, byItself, read.now, known);
    const answer = await ledger.commitRun(at.sale.id, at.cursor, result, reached);
    if (answer.kind !== 'duplicate' || known.size > 0) return { result, answer };
    known = await ledger.knownTickets(read.entries.filter(isReserve).map((entry) => entry.ticketId));
    if (known.size === 0) return { result, answer: { kind: 'stale' } };
  }
}

async function decide(
  ledger: RunLedger,
  at: LedgerSale,
  entries: readonly IntakeEntry[],
  { due, ending }: ByItself,
  now: number,
  known: ReadonlySet<string>,
): Promise<RunResult> {
  const { sale } = at;
  const commanded = new Set<string>();
  const buyers = new Set<string>();
  for (const entry of entries) {
    if (isReserve(entry) || entry.kind === 'place') buyers.add(entry.buyerId);
    if (!isReserve(entry)) commanded.add(entry.ticketId);
  }
  const named = commanded.size === 0 ? [] : await ledger.readReservations(sale.id, [...commanded]);
  const used = sale.perBuyerLimit === null ? new Map() : await ledger.usedUnits(sale.id, [...buyers]);
  const input: RunInput = {
    saleId: sale.id,
    epoch: at.cursor.epoch,
    rules: sale,
    items: at.items,
    reservations: new Map(
      [...due, ...ending, ...named].map((reservation) => [reservation.ticketId, reservation]),
    ),
    used,
    known,
  };
  const idOf = ({ ticketId }: Reservation) => ticketId;
  try {
    return decideRun(input, entries, due.map(idOf), now, ending.map(idOf));
  } catch (error) {
    throw new Undecidable(`A batch of sale ${sale.id} could not be decided`, { cause: error });
  }
}

/** What a read of the ledger would show after the commit; the comparison of the next one proves it. */
function advance(at: LedgerSale, result: RunResult, cursor: LedgerSale['cursor']): LedgerSale {
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
