import { setTimeout as wait } from 'node:timers/promises';
import {
  house,
  type MerchantCommand,
  makeTicketId,
  parseTicketId,
  refuse,
  type Reservation,
} from '@holdfast/core';
import { type DeskAnswer, type DeskParts, type DeskRequest, pauseMs, secretFor } from './parts.ts';
import { effective, repeated } from './step.ts';

/** What goes to the gate waits in line behind everything that the intake may hold; its units have left the sale at once. */
const withdrawnWithinMs = 30_000;

export async function withdraw(
  parts: DeskParts,
  saleId: string,
  sku: string,
  quantity: number,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const { ledger, gate } = parts;
  const read = await ledger.readSale(saleId);
  if (read === null) return refuse('unknown_sale');
  const before = request === null ? null : await ledger.readRequest(request.key);
  if (before !== null) return repeated(parts, saleId, before, request);
  if (!read.items.has(sku)) return refuse('unknown_item');
  // Made from the key, so that a withdrawal that is sent again after a crash finds its first ticket.
  const ticketId = makeTicketId(read.sale.shard, saleId, secretFor(parts, request, 22));
  let answer = await gate.withdraw(saleId, ticketId, sku, quantity);
  if (answer.kind === 'refused' && answer.code === 'gate_unavailable') {
    const caughtUp = await effective(parts, saleId, 'done');
    if (caughtUp.kind === 'refused') return caughtUp;
    answer = await gate.withdraw(saleId, ticketId, sku, quantity);
  }
  if (answer.kind === 'refused') return answer.code === 'sold_out' ? refuse('not_enough_available') : answer;
  const [line] = answer.ticket.lines;
  if (line?.sku !== sku || line.quantity !== quantity) return refuse('idempotency_mismatch');
  return withdrawn(parts, saleId, ticketId, answer.replayed);
}

/** Waits until the ledger has decided the withdrawal; it keeps its units unless the ledger had given them before. */
async function withdrawn(
  parts: DeskParts,
  saleId: string,
  ticketId: string,
  replayed: boolean,
): Promise<DeskAnswer> {
  const deadline = Date.now() + withdrawnWithinMs;
  for (;;) {
    const settled = await effective(parts, saleId, replayed ? 'repeated' : 'done');
    if (settled.kind === 'refused') return settled;
    const [reservation] = await parts.ledger.readReservations(saleId, [ticketId]);
    if (reservation !== undefined && reservation.buyerId === house)
      return reservation.status === 'confirmed' ? settled : refuse('not_enough_available');
    if (Date.now() > deadline) return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
    await wait(pauseMs);
  }
}

const reachedBy = { return: 'returned', refunded: 'refunded' } as const;

export async function command(
  parts: DeskParts,
  ticketId: string,
  kind: MerchantCommand,
): Promise<DeskAnswer> {
  const place = parseTicketId(ticketId);
  if (place === null) return refuse('unknown_ticket');
  const { saleId } = place;
  const read = async () => (await parts.ledger.readReservations(saleId, [ticketId]))[0];
  // Made of the version: pressed twice it is one command, and a refusal does not outlive the state that it was for.
  const idFor = ({ version }: Reservation) => `${kind}.${version}`;
  let reservation = await read();
  if (reservation?.outcomes[idFor(reservation)] !== undefined) {
    // Refused before; what would change that may stand in the intake, a payment for instance.
    await parts.committer.commitSale(saleId);
    reservation = await read();
  }
  // What the ledger has not decided yet is not confirmed either; what it never saw is no ticket of the merchant's.
  if (reservation === undefined || reservation.buyerId === house) return refuse('unknown_ticket');
  if (reservation.status === reachedBy[kind]) return effective(parts, saleId, 'repeated');
  const commandId = idFor(reservation);
  const deadline = Date.now() + withdrawnWithinMs;
  let placed = await parts.gate.command(ticketId, kind, commandId);
  if (placed.kind === 'refused' && placed.code === 'gate_unavailable') {
    const caughtUp = await effective(parts, saleId, 'done');
    if (caughtUp.kind === 'refused') return caughtUp;
    placed = await parts.gate.command(ticketId, kind, commandId);
  }
  if (placed.kind === 'refused') return placed;
  for (;;) {
    const settled = await effective(parts, saleId, 'done');
    if (settled.kind === 'refused') return settled;
    const [now] = await parts.ledger.readReservations(saleId, [ticketId]);
    const outcome = now?.outcomes[commandId];
    if (outcome !== undefined) return outcome === 'ok' ? settled : refuse(outcome);
    if (Date.now() > deadline) return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
    await wait(pauseMs);
  }
}
