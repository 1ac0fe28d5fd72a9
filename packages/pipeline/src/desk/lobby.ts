import { setTimeout as wait } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { isLobbyOver, moveSale, type NewEvent, refuse } from '@holdfast/core';
import { commitmentOf } from '../draw-order.ts';
import {
  type DeskAnswer,
  type DeskParts,
  type DeskRequest,
  gateTime,
  happened,
  pauseMs,
  timeOf,
} from './parts.ts';
import { openNow } from './sales.ts';
import { effective, step } from './step.ts';

/** The last of a large lobby has its place seconds after the draw. */
const drawnWithinMs = 30_000;

export async function openLobby(
  parts: DeskParts,
  saleId: string,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const gateNow = await gateTime(parts, saleId);
  const seed = randomBytes(32).toString('hex');
  return step(parts, saleId, request, ({ sale }) => {
    const status = moveSale(sale.status, 'openLobby');
    if (status === null || isLobbyOver(sale, Math.min(timeOf(parts), gateNow)))
      return refuse('invalid_transition');
    const commitment = commitmentOf(seed);
    const draw = { commitment, beacon: null, result: null };
    const event = happened('sale_moved', { status, commitment }, timeOf(parts));
    return { sale: { ...sale, status, draw }, event, seed };
  });
}

/** From its opening time on nobody joins a lobby, and the run that then finds the intake at its end draws. */
export async function openDrawn(
  parts: DeskParts,
  saleId: string,
  beacon: string | null,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const gateNow = await gateTime(parts, saleId);
  let isOver = false;
  const answer = await step(parts, saleId, request, ({ sale }) => {
    const at = Math.min(timeOf(parts), gateNow);
    isOver = sale.status === 'lobby' && isLobbyOver(sale, at);
    // A beacon that comes when the list is final could have been chosen to suit it.
    if (sale.status !== 'lobby' || sale.draw === undefined || isOver) return refuse('invalid_transition');
    const terms = { opensAt: at, ...openNow(sale, at) };
    const data: NewEvent['data'] = beacon === null ? { terms } : { terms, beacon };
    return {
      sale: { ...sale, ...terms, draw: { ...sale.draw, beacon } },
      event: happened('sale_changed', data, at),
    };
  });
  const isUnderWay = answer.kind === 'refused' && isOver && beacon === null;
  return answer.kind === 'refused' && !isUnderWay ? answer : placesGiven(parts, saleId, answer);
}

/** Waits until nobody of the lobby is without a place in line; whatever dies meanwhile, a sweep goes on. */
async function placesGiven(parts: DeskParts, saleId: string, answer: DeskAnswer): Promise<DeskAnswer> {
  const deadline = Date.now() + drawnWithinMs;
  const kind = answer.kind === 'repeated' ? 'repeated' : 'done';
  for (;;) {
    const settled = await effective(parts, saleId, kind);
    if (settled.kind === 'refused') return settled;
    const at = await parts.ledger.readSale(saleId);
    const gate = (await parts.gate.peek([saleId])).get(saleId) ?? null;
    if (at?.sale.draw?.result != null && gate?.placing === false) return effective(parts, saleId, kind);
    if (Date.now() > deadline) return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
    await wait(pauseMs);
  }
}
