/**
 * Erases a person from a sale, in both stores, and leaves the sale whole: every row keeps its place, its units and its
 * price, under a name that says nothing. The ledger forgets first, under its comparison, so that no gate that is rebuilt
 * from it brings the person back; the gate forgets when it has applied that, so that nothing older can write the name
 * again. It may die at any line: what is left is found by the row of `erasures`, and doing it all again changes nothing.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import {
  type Cursor,
  type Forgetting,
  hindersErasure,
  type LedgerSale,
  type Refusal,
  type Reservation,
} from '@holdfast/core';

/** `open` and `owed`: how many reservations stand in the way; nothing was erased. `unfinished`: begin again. */
export type ErasureAnswer =
  | { kind: 'erased'; reservations: number }
  | { kind: 'unknown_sale' | 'unfinished' }
  | { kind: 'open' | 'owed'; reservations: number };

export interface Eraser {
  /**
   * With `giveUp`, what the buyer still has open is cancelled first, as they would do it themselves. What is owed to them
   * is never in the way of a name only: it hinders.
   */
  erase(saleId: string, buyerId: string, giveUp: boolean): Promise<ErasureAnswer>;
}

export interface EraserParts {
  ledger: {
    readSale(saleId: string): Promise<LedgerSale | null>;
    reservationsOfBuyer(saleId: string, buyerId: string, limit: number): Promise<Reservation[]>;
    erasureUnderWay(saleId: string, buyerId: string): Promise<string | null>;
    eraseReservations(
      read: Cursor,
      erasure: {
        saleId: string;
        buyerId: string;
        pseudonym: string;
        reservations: readonly Reservation[];
        at: number;
      },
    ): Promise<'erased' | 'busy' | 'stale'>;
    forgetOpenings(saleId: string, ticketIds: readonly string[]): Promise<void>;
    finishErasure(saleId: string, buyerId: string): Promise<void>;
  };
  gate: {
    command(ticketId: string, kind: 'cancel', commandId: string): Promise<{ kind: 'appended' } | Refusal>;
    forget(saleId: string, forgetting: Forgetting): Promise<boolean>;
  };
  committer: { commitSale(saleId: string): Promise<unknown> };
}

/** More than one person has in one sale; who has more is erased in as many transactions. */
const maxReservations = 500;
/** How long a busy sale may keep an erasure from its turn, or a rebuild the gate from hearing of it. */
const withinMs = 30_000;
const pauseMs = 20;

export function createEraser(parts: EraserParts): Eraser {
  const { ledger, gate, committer } = parts;

  async function erase(saleId: string, buyerId: string, giveUp: boolean): Promise<ErasureAnswer> {
    const deadline = Date.now() + withinMs;
    const newName = `erased.${randomBytes(12).toString('base64url')}`;
    let erased = 0;
    for (; Date.now() < deadline; await setTimeout(Math.random() * pauseMs)) {
      // Undecided reservations have no row yet.
      await committer.commitSale(saleId);
      const at = await ledger.readSale(saleId);
      if (at === null) return { kind: 'unknown_sale' };
      const pseudonym = (await ledger.erasureUnderWay(saleId, buyerId)) ?? newName;
      const theirs = await ledger.reservationsOfBuyer(saleId, buyerId, maxReservations);
      const hindered = hindering(theirs, giveUp);
      if (hindered !== null) return hindered;
      const open = theirs.filter(({ status }) => hindersErasure(status) === 'open');
      for (const { ticketId, version } of open) await gate.command(ticketId, 'cancel', `erase.${version}`);
      if (open.length > 0) continue;
      if (theirs.length > 0) {
        const erasure = { saleId, buyerId, pseudonym, reservations: theirs, at: Date.now() };
        if ((await ledger.eraseReservations(at.cursor, erasure)) === 'erased') erased += theirs.length;
        continue;
      }
      if (await forgotten(at, buyerId, pseudonym)) return { kind: 'erased', reservations: erased };
    }
    return { kind: 'unfinished' };
  }

  /** What follows from the rows; true when nothing names the buyer any more. */
  async function forgotten(
    { sale, cursor }: LedgerSale,
    buyerId: string,
    pseudonym: string,
  ): Promise<boolean> {
    const ticketIds = await ticketsOf(sale.id, pseudonym);
    await ledger.forgetOpenings(sale.id, ticketIds);
    const { epoch, position } = cursor;
    if (!(await gate.forget(sale.id, { buyerId, pseudonym, ticketIds, epoch, position }))) return false;
    // Somebody of that name may have come meanwhile; the row that leads back here must not go before they do.
    await committer.commitSale(sale.id);
    if ((await ledger.reservationsOfBuyer(sale.id, buyerId, 1)).length > 0) return false;
    await ledger.finishErasure(sale.id, buyerId);
    return true;
  }

  async function ticketsOf(saleId: string, pseudonym: string): Promise<string[]> {
    const rows = await ledger.reservationsOfBuyer(saleId, pseudonym, Number.MAX_SAFE_INTEGER);
    return rows.map(({ ticketId }) => ticketId);
  }

  return { erase };
}

function hindering(reservations: readonly Reservation[], giveUp: boolean): ErasureAnswer | null {
  const count = (why: 'open' | 'owed') =>
    reservations.filter(({ status }) => hindersErasure(status) === why).length;
  const [owed, open] = [count('owed'), count('open')];
  if (owed > 0) return { kind: 'owed', reservations: owed };
  return open > 0 && !giveUp ? { kind: 'open', reservations: open } : null;
}
