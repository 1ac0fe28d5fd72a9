/** Lobbies for tests: opened, joined, and drawn again as a stranger would. */
import { hash } from 'node:crypto';
import type { EdgeGate, Ticket } from '@holdfast/core';
import { type House, plainSale } from './house.ts';

let sales = 0;

/** A sale of `stock` tees in its lobby; answers with its id. */
export async function lobbyOf(
  house: Pick<House, 'desk'>,
  stock: number,
  change: Partial<ReturnType<typeof plainSale>> = {},
): Promise<string> {
  sales += 1;
  const id = `drawn-${sales}`;
  const items = [{ sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 4900, stock }];
  await house.desk.create({ ...plainSale(id), items, status: 'draft', ...change }, null);
  const answer = await house.desk.openLobby(id, null);
  if (answer.kind === 'refused') throw new Error(`no lobby: ${answer.code}`);
  return id;
}

export async function join(edge: EdgeGate, saleId: string, buyerId: string, quantity = 1): Promise<Ticket> {
  const answer = await edge.join({
    saleId,
    buyerId,
    lines: [{ sku: 'tee', quantity }],
    idempotencyKey: null,
  });
  if (answer.kind === 'refused') throw new Error(`${buyerId} was refused: ${answer.code}`);
  return answer.ticket;
}

export function joinMany(edge: EdgeGate, saleId: string, buyers: number): Promise<Ticket[]> {
  return Promise.all(Array.from({ length: buyers }, (_, index) => join(edge, saleId, `early${index}`)));
}

/** The drawn order from what is published: the seed, the beacon and who joined, in that order. */
export async function orderOf(house: House, saleId: string): Promise<string[]> {
  const draw = (await house.ledger.readSale(saleId))?.sale.draw;
  if (draw?.result == null) throw new Error('nobody was drawn');
  const joined = new Set<string>();
  for (const { type, ticketId } of await house.ledger.journal(saleId, 0, 1_000_000)) {
    if (type === 'drawn') break;
    if (type === 'joined') joined.add(ticketId ?? '');
    if (type === 'cancelled') joined.delete(ticketId ?? '');
  }
  const mix = sha(`${draw.result.seed}\n${sha([...joined].join('\n'))}\n${draw.beacon ?? ''}`);
  return [...joined].sort((a, b) => (sha(`${mix}\n${a}`) < sha(`${mix}\n${b}`) ? -1 : 1));
}

/** Tickets in the order of their places in line. */
export async function placesOf(house: House, saleId: string): Promise<string[]> {
  const rows = await house.rows<{ ticket_id: string }>(
    `select ticket_id from reservations where sale_id = $1 and status <> 'cancelled' order by epoch, seq`,
    [saleId],
  );
  return rows.map((row) => row.ticket_id);
}

function sha(text: string): string {
  return hash('sha256', text);
}
