/**
 * The law as arithmetic: what an audit compares. Pure; the ledger and the gate are read elsewhere, each at one instant.
 * Both directions count: a unit sold twice and a unit that nobody can buy are equal failures.
 */
import { evolve } from './evolve.ts';
import type { NewEvent, PackedLine } from './journal.ts';
import type { GateCounts } from './ports.ts';
import { holdsUnits, isFinal, type Reservation, type ReservationStatus, waits } from './reservation.ts';
import { ceilingOf, type Counters } from './sale.ts';

/** One comparison. `ok` is the verdict; the other two say in a few words what was compared. */
export interface Check {
  /** The law, and after a colon the item it was held against. */
  name: string;
  ok: boolean;
  expected: string | number;
  actual: string | number;
}

/** The rows of one sale, counted at one instant of the ledger. */
export interface LedgerSums {
  epoch: number;
  committedSeq: number;
  tip: string;
  /** Last position of the journal, and its hash there. */
  position: number;
  head: string;
  /** As the ledger counted it: waitlisted tickets and late payers. */
  waiting: number;
  items: ReadonlyMap<string, Counters & { withdrawn: number }>;
  /** Units in rows that are held or confirmed, per item; withdrawals of the house among them. */
  unitsInRows: ReadonlyMap<string, number>;
  /** Rows per status. */
  rows: ReadonlyMap<ReservationStatus, number>;
  /** Events stored, and the last position among them. */
  eventCount: number;
  lastPosition: number;
  /** Most units that count against the limit of one buyer. */
  mostUnitsOfABuyer: number;
}

/** The gate at the ledger's cursor; null when it does not have the sale. */
export interface GateLook {
  /** Right after the ledger's instant. */
  counts: GateCounts;
  /** The items a little later, when all entries after the ledger's cursor had been read; `inIntake` counts all of them. */
  items: GateCounts['items'];
  /** The ledger's tip when the gate's chain has it at the ledger's cursor; else what it has instead. */
  tipAtCursor: string;
}

/** What the journal alone says; see `foldEvent`. */
export interface JournalFold {
  events: number;
  lastPosition: number;
  /** Positions that do not follow the one before. */
  gaps: number;
  /** Events that name a ticket without a row. */
  withoutRow: number;
  /** Tickets whose place in line does not follow the place of the ticket before, or is not the row's. */
  outOfOrder: number;
  tickets: Map<string, { status: ReservationStatus; lines: PackedLine[] }>;
  stock: Map<string, number>;
  /** Units held or confirmed, per item. */
  units: Map<string, number>;
  withdrawn: Map<string, number>;
  /** The highest limit per buyer that the sale ever had; null once it had none. */
  highestLimit: number | null;
  lastPlace: { epoch: number; seq: number };
}

export function emptyFold(): JournalFold {
  return {
    events: 0,
    lastPosition: 0,
    gaps: 0,
    withoutRow: 0,
    outOfOrder: 0,
    tickets: new Map(),
    stock: new Map(),
    units: new Map(),
    withdrawn: new Map(),
    highestLimit: 0,
    lastPlace: { epoch: 0, seq: 0 },
  };
}

/** Adds the next event; `row` is the place in line of the row that the event's ticket has, null without one. */
export function foldEvent(
  fold: JournalFold,
  event: NewEvent & { position: number },
  row: { epoch: number; seq: number } | null,
): void {
  fold.events++;
  if (event.position !== fold.lastPosition + 1) fold.gaps++;
  fold.lastPosition = event.position;
  if (event.ticketId === null) foldSaleEvent(fold, event);
  else foldTicketEvent(fold, event, event.ticketId, row);
}

function foldSaleEvent(fold: JournalFold, { type, data }: NewEvent): void {
  if (type === 'restocked' && data.sku !== undefined) add(fold.stock, data.sku, data.delta ?? 0);
  if (type === 'sale_created') {
    for (const item of (data.terms?.['items'] ?? []) as { sku: string; stock: number }[])
      add(fold.stock, item.sku, item.stock);
  }
  const limit = data.terms?.['perBuyerLimit'] as number | null | undefined;
  if (limit === null) fold.highestLimit = null;
  else if (limit !== undefined && fold.highestLimit !== null)
    fold.highestLimit = Math.max(fold.highestLimit, limit);
}

function foldTicketEvent(
  fold: JournalFold,
  event: NewEvent,
  ticketId: string,
  row: { epoch: number; seq: number } | null,
): void {
  if (row === null) fold.withoutRow++;
  const before = fold.tickets.get(ticketId);
  // A member of the lobby has its row's place in line from the draw on.
  if (event.type === 'joined') foldPlace(fold, event, null);
  else if (before === undefined || event.data.place !== undefined) foldPlace(fold, event, row);
  const lines = before?.lines ?? event.data.lines ?? [];
  const from = before?.status ?? 'queued';
  const { status } = evolve({ ...blank, status: from }, event);
  const step = (holdsUnits(status) ? 1 : 0) - (holdsUnits(from) ? 1 : 0);
  if (step !== 0) for (const [sku, quantity] of lines) add(fold.units, sku, step * quantity);
  if (event.type === 'withdrawn') for (const [sku, quantity] of lines) add(fold.withdrawn, sku, quantity);
  fold.tickets.set(ticketId, { status, lines: isFinal(status) && status !== 'expired' ? noLines : lines });
}

/** Nothing moves units of these any more, so a long journal's fold does not keep their lines. */
const noLines: PackedLine[] = [];

function foldPlace(fold: JournalFold, { data }: NewEvent, row: { epoch: number; seq: number } | null): void {
  const { epoch = 0, seq = 0 } = data;
  const { lastPlace } = fold;
  const follows = epoch > lastPlace.epoch || (epoch === lastPlace.epoch && seq > lastPlace.seq);
  if (!follows || (row !== null && (row.epoch !== epoch || row.seq !== seq))) fold.outOfOrder++;
  fold.lastPlace = { epoch, seq };
}

/** Every law of one sale. `chainHead` is the hash chain recomputed over the stored events. */
export function checkLaws(
  ledger: LedgerSums,
  gate: GateLook | null,
  fold: JournalFold,
  chainHead: string,
): Check[] {
  return [
    ...journalChecks(ledger, fold, chainHead),
    ...rowChecks(ledger, fold),
    ...gateChecks(ledger, gate),
    ...[...ledger.items].flatMap(([sku, counters]) => itemChecks(sku, counters, ledger, gate, fold)),
  ];
}

function journalChecks(ledger: LedgerSums, fold: JournalFold, chainHead: string): Check[] {
  return [
    equal(
      'journal_without_gaps',
      `${ledger.position} events to position ${ledger.position}, 0 gaps`,
      [
        `${ledger.eventCount} events to position ${ledger.lastPosition}`,
        `${fold.gaps + Math.abs(fold.events - ledger.position)} gaps`,
      ].join(', '),
    ),
    equal('journal_chain', ledger.head, chainHead),
    equal('tickets_in_order', 0, fold.outOfOrder),
  ];
}

function rowChecks(ledger: LedgerSums, fold: JournalFold): Check[] {
  const folded = new Map<ReservationStatus, number>();
  for (const { status } of fold.tickets.values()) folded.set(status, (folded.get(status) ?? 0) + 1);
  const waiting = [...ledger.rows].reduce((sum, [status, rows]) => sum + (waits(status) ? rows : 0), 0);
  const limit = fold.highestLimit;
  return [
    equal(
      'every_ticket_has_its_row',
      `${fold.tickets.size} rows, 0 missing`,
      `${total(ledger.rows)} rows, ${fold.withoutRow} missing`,
    ),
    equal('rejections_have_rows', folded.get('rejected') ?? 0, ledger.rows.get('rejected') ?? 0),
    equal('rows_follow_the_journal', listed(folded), listed(ledger.rows)),
    equal('waiting_counted', waiting, ledger.waiting),
    {
      name: 'buyer_limit_kept',
      ok: limit === null || ledger.mostUnitsOfABuyer <= limit,
      expected: limit === null ? 'no limit' : `at most ${limit}`,
      actual: ledger.mostUnitsOfABuyer,
    },
  ];
}

function gateChecks(ledger: LedgerSums, gate: GateLook | null): Check[] {
  if (gate === null) return [{ name: 'gate_has_the_sale', ok: false, expected: 'yes', actual: 'no' }];
  const { counts } = gate;
  return [
    equal('gate_has_the_sale', 'yes', counts.rebuilding === null ? 'yes' : 'being rebuilt'),
    equal('gate_epoch', ledger.epoch, counts.epoch),
    equal('gate_tip_at_cursor', ledger.tip, gate.tipAtCursor),
    {
      name: 'gate_not_ahead_of_the_journal',
      ok: counts.journalPosition <= ledger.position,
      expected: `at most ${ledger.position}`,
      actual: counts.journalPosition,
    },
  ];
}

function itemChecks(
  sku: string,
  counters: Counters & { withdrawn: number },
  ledger: LedgerSums,
  gate: GateLook | null,
  fold: JournalFold,
): Check[] {
  const { stock, returned, taken } = counters;
  const inRows = ledger.unitsInRows.get(sku) ?? 0;
  const checks = [
    { name: `never_oversold:${sku}`, ok: inRows <= stock, expected: `at most ${stock}`, actual: inRows },
    equal(`rows_equal_counters:${sku}`, taken - returned, inRows),
    equal(
      `journal_equals_counters:${sku}`,
      unitsAndStock(taken - returned, counters.withdrawn, stock),
      unitsAndStock(fold.units.get(sku) ?? 0, fold.withdrawn.get(sku) ?? 0, fold.stock.get(sku) ?? 0),
    ),
  ];
  const item = gate?.counts.items.find((counted) => counted.sku === sku);
  const later = gate?.items.find((counted) => counted.sku === sku);
  if (gate === null || item === undefined || later === undefined) {
    checks.push({ name: `units_conserved:${sku}`, ok: false, expected: stock, actual: inRows });
    return checks;
  }
  const settled = gate.counts.journalPosition >= ledger.position;
  const ceiling = ceilingOf(counters);
  // What the ledger has got back and the gate has not heard of yet is on its way, not lost.
  const unsettled = settled ? 0 : Math.max(0, ceiling - item.ceiling);
  const accounted = item.ceiling - later.admitted + later.inIntake + unsettled + inRows;
  checks.push(
    equal(`units_conserved:${sku}`, stock, accounted),
    equal(`nothing_leaked:${sku}`, 0, Math.max(0, stock - accounted)),
    {
      name: `gate_ceiling:${sku}`,
      ok: settled ? item.ceiling === ceiling : item.ceiling <= ceiling,
      expected: settled ? ceiling : `at most ${ceiling}`,
      actual: item.ceiling,
    },
    equal(`gate_admitted_reached_the_ledger:${sku}`, taken, later.admitted - later.inIntake),
    {
      name: `gate_within_its_ceiling:${sku}`,
      ok: later.admitted <= later.ceiling,
      expected: `at most ${later.ceiling}`,
      actual: later.admitted,
    },
  );
  return checks;
}

function unitsAndStock(units: number, withdrawn: number, stock: number): string {
  return `${units} of ${stock}, ${withdrawn} withdrawn`;
}

function equal(name: string, expected: string | number, actual: string | number): Check {
  return { name, ok: expected === actual, expected, actual };
}

function listed(counts: ReadonlyMap<ReservationStatus, number>): string {
  return (
    [...counts]
      .filter(([, count]) => count > 0)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([status, count]) => `${count} ${status}`)
      .join(', ') || 'none'
  );
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function add(counts: Map<string, number>, key: string, step: number): void {
  counts.set(key, (counts.get(key) ?? 0) + step);
}

/** Only its status matters to the fold. */
const blank: Reservation = {
  ticketId: '',
  saleId: '',
  seq: 0,
  epoch: 0,
  buyerId: '',
  idempotencyKey: null,
  fingerprint: null,
  lines: [],
  status: 'queued',
  version: 1,
  reservedAt: 0,
  heldAt: null,
  expiresAt: null,
  confirmedAt: null,
  paymentRef: null,
  reason: null,
  extensions: 0,
  extendedSeconds: 0,
  tip: '',
  outcomes: {},
};
