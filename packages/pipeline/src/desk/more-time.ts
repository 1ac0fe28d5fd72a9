import { setTimeout as wait } from 'node:timers/promises';
import { prolongHolds, refuse } from '@holdfast/core';
import {
  type DeskAnswer,
  type DeskParts,
  type DeskRequest,
  gateTime,
  retryPauseMs,
  secretFor,
  timeOf,
} from './parts.ts';
import { effective } from './step.ts';

/** Holds that one transaction gives more time. */
const holdsPerPiece = 1_000;
/** How long all pieces may take: 100,000 holds are a hundred of them. */
const extendedWithinMs = 30_000;

export async function extendHolds(
  parts: DeskParts,
  saleId: string,
  seconds: number,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const { ledger } = parts;
  const commandId = `more.${secretFor(parts, request, 22)}`;
  const deadline = Date.now() + extendedWithinMs;
  do {
    const read = await ledger.readSale(saleId);
    if (read === null) return refuse('unknown_sale');
    const { sale, cursor, items } = read;
    if (sale.status === 'settled' || sale.status === 'cancelled') return refuse('invalid_transition');
    const now = Math.max(cursor.ranAt, Math.min(timeOf(parts), await gateTime(parts, saleId)));
    const holds = await ledger.openHolds(saleId, now, commandId, holdsPerPiece);
    if (holds.length === 0) return effective(parts, saleId, 'done');
    const result = prolongHolds(
      {
        saleId,
        epoch: cursor.epoch,
        rules: sale,
        items,
        reservations: new Map(holds.map((hold) => [hold.ticketId, hold])),
        used: new Map(),
        known: new Set(),
      },
      commandId,
      seconds,
      now,
    );
    const reached = { seq: cursor.committedSeq, tip: cursor.tip, ranAt: cursor.ranAt };
    const answer = await ledger.commitRun(saleId, cursor, result, reached);
    if (answer.kind !== 'committed') await wait(Math.random() * retryPauseMs);
  } while (Date.now() < deadline);
  parts.log.warn({ saleId }, 'more time for the holds of a sale did not get its turn');
  return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
}
