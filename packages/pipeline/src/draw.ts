/**
 * The draw of a lobby. What the order follows from is in the ledger, in one transaction, before the first place is given;
 * so it may be killed at any line, and whoever goes on finds the same order and the number that comes next.
 */
import {
  type DrawResult,
  isDrawDue,
  type LedgerSale,
  type NewEvent,
  type PlaceAnswer,
  type RunLedger,
  type WorkerGate,
} from '@holdfast/core';
import { drawnOrder, resultOf } from './draw-order.ts';

interface DrawParts {
  ledger: RunLedger;
  gate: WorkerGate;
}

/** Tickets that one script places. */
const pieceSize = 200;
/** Pieces that are sent before the first of them is answered: Redis has the next at hand, and they share an fsync. */
const maxInFlight = 8;

/** Whether a run that has read the intake to its end, at the gate's time `now`, has a draw to do or to go on with. */
export function drawsNow({ sale, placed }: LedgerSale, now: number): boolean {
  return isDrawDue(sale, now) || (sale.draw?.result != null && placed < sale.draw.result.members);
}

/**
 * The next step: reveals the seed, or gives the places. Only for a run at the intake's end whose gate has applied the
 * whole journal: nobody can join any more, and the list is what the journal says.
 * `stale`: something had changed, or the gate did not take it; read again.
 */
export async function drawLobby(parts: DrawParts, at: LedgerSale, now: number): Promise<'again' | 'stale'> {
  const { result } = at.sale.draw ?? {};
  return result == null ? reveal(parts, at, now) : givePlaces(parts, at, result);
}

async function reveal({ ledger }: DrawParts, at: LedgerSale, now: number): Promise<'again' | 'stale'> {
  const { sale, cursor } = at;
  const lobby = await ledger.readLobby(sale.id, cursor.position);
  if (lobby === null || sale.draw === undefined) return 'stale';
  const result = resultOf(lobby);
  // A sale that ended before is drawn too, so that everyone in the lobby is told; it stays what it is.
  const status = sale.status === 'lobby' ? 'open' : sale.status;
  const data: NewEvent['data'] = { status, ...result };
  if (lobby.beacon !== null) data.beacon = lobby.beacon;
  const event: NewEvent = { type: 'drawn', ticketId: null, commandId: null, data, at: now };
  const drawn = { ...sale, status, draw: { ...sale.draw, result }, termsVersion: sale.termsVersion + 1 };
  return (await ledger.move(cursor, drawn, event)) === 'changed' ? 'again' : 'stale';
}

/** Feeds the gate piece by piece; it takes no number twice and none before its turn. */
async function givePlaces(
  { ledger, gate }: DrawParts,
  at: LedgerSale,
  { members }: DrawResult,
): Promise<'again' | 'stale'> {
  const { sale, cursor } = at;
  const drawnAt = await ledger.drawnAt(sale.id);
  const lobby = drawnAt === null ? null : await ledger.readLobby(sale.id, drawnAt);
  if (lobby === null) return 'stale';
  const order = drawnOrder(lobby);
  const under: Promise<PlaceAnswer>[] = [];
  let first = at.placed + 1;
  try {
    while (first <= members || under.length > 0) {
      if (first <= members && under.length < maxInFlight) {
        const ticketIds = order.slice(first - 1, first - 1 + pieceSize);
        const placing = gate.place(sale.id, { epoch: cursor.epoch, members, first, ticketIds });
        // Its turn to be read comes later; a failure until then is not one that nobody hears of.
        placing.catch(() => undefined);
        under.push(placing);
        first += pieceSize;
      } else if ((await under.shift())?.kind !== 'placed') return 'stale';
    }
  } finally {
    // Whoever goes on must not meet what is still under way.
    await Promise.allSettled(under);
  }
  return 'again';
}
