import type {
  LedgerSale,
  Reservation,
  RunLedger,
  RunResult,
  SettledTicket,
  Settlement,
  WorkerGate,
} from '@holdfast/core';

/** Events that one settle script applies: Redis does nothing else meanwhile. */
const maxEvents = 200;
/** Pieces in a row that did not bring the gate further, before it is left to the sweep. */
const maxStandstills = 3;

interface SettleParts {
  ledger: RunLedger;
  gate: WorkerGate;
}

/**
 * Settles what a run has just committed, from memory. When the gate has not applied the journal up to where the run
 * began, or does not take a piece, it is settled from the journal itself.
 */
export async function settleRun(
  parts: SettleParts,
  before: LedgerSale,
  after: LedgerSale,
  result: RunResult,
  released: ReadonlyMap<string, number>,
  journalPosition: number,
): Promise<void> {
  const saleId = after.sale.id;
  // Those who wait, and tickets that the ledger knew before, are not in the run's memory.
  const needsJournal = after.waiting > 0 || result.events.some((event) => event.type === 'handed_back');
  if (needsJournal || journalPosition !== before.cursor.position)
    return settleJournal(parts, saleId, journalPosition, after.cursor.position);
  const states = new Map<string, Reservation>();
  for (const reservation of result.inserted) states.set(reservation.ticketId, reservation);
  for (const reservation of result.updated) states.set(reservation.ticketId, reservation);
  // Sent one behind the other on one connection, which keeps their order.
  const answers = await Promise.all(
    piecesOf(before, after, result, states, released).map((piece) => parts.gate.settle(piece)),
  );
  if (answers.every((answer) => answer.kind === 'settled')) return;
  const reached = answers.findLast((answer) => answer.kind !== 'refused');
  await settleJournal(parts, saleId, reached?.journalPosition ?? journalPosition, after.cursor.position);
}

function piecesOf(
  before: LedgerSale,
  after: LedgerSale,
  result: RunResult,
  states: ReadonlyMap<string, Reservation>,
  released: ReadonlyMap<string, number>,
): Settlement[] {
  const pieces: Settlement[] = [];
  for (let start = 0; start < result.events.length; start += maxEvents) {
    const events = result.events.slice(start, start + maxEvents);
    const tickets = new Map<string, SettledTicket>();
    const givenBack = new Map<string, number>();
    for (const { ticketId } of events) {
      const reservation = ticketId === null ? undefined : states.get(ticketId);
      if (reservation === undefined) continue;
      tickets.set(reservation.ticketId, reservation);
      const units = released.get(reservation.buyerId);
      if (units !== undefined) givenBack.set(reservation.buyerId, units);
    }
    const fromPosition = before.cursor.position + start;
    pieces.push({
      saleId: after.sale.id,
      cursor: after.cursor,
      fromPosition,
      toPosition: fromPosition + events.length,
      tickets: [...tickets.values()],
      items: after.items,
      withdrawn: after.withdrawn,
      released: givenBack,
      sale: null,
      waiting: [],
    });
  }
  return pieces;
}

/** Settles the gate from the journal, piece by piece, until it has all of it; applying a piece again changes nothing. */
export async function settleJournal(
  parts: SettleParts,
  saleId: string,
  gatePosition: number,
  ledgerPosition: number,
): Promise<void> {
  let position = gatePosition;
  let standstills = 0;
  let target = ledgerPosition;
  while (position < target && standstills < maxStandstills) {
    const piece = await parts.ledger.settlement(saleId, position, maxEvents);
    if (piece === null) return;
    const answer = await parts.gate.settle(piece);
    if (answer.kind === 'refused') return;
    standstills = answer.journalPosition > position ? 0 : standstills + 1;
    position = answer.journalPosition;
    target = piece.cursor.position;
  }
}
