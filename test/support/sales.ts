import type { EdgeGate, ReserveAnswer, Ticket } from '@holdfast/core';
import { type House, plainSale } from './house.ts';

/** An open sale of `stock` tees; answers with its id. */
export function openTees(
  house: House,
  stock: number,
  terms: Partial<ReturnType<typeof plainSale>> = {},
): Promise<string> {
  const items = [{ sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 4900, stock }];
  return house.openSale({ items, ...terms });
}

/** One tee for one buyer; the ticket, or null when it was refused. */
export async function buy(edge: EdgeGate, saleId: string, buyerId: string): Promise<Ticket | null> {
  return ticketOf(
    await edge.reserve({ saleId, buyerId, lines: [{ sku: 'tee', quantity: 1 }], idempotencyKey: null }),
  );
}

export function buyMany(
  edge: EdgeGate,
  saleId: string,
  name: string,
  buyers: number,
): Promise<(Ticket | null)[]> {
  return Promise.all(Array.from({ length: buyers }, (_, index) => buy(edge, saleId, `${name}${index}`)));
}

export function ticketOf(answer: ReserveAnswer): Ticket | null {
  return answer.kind === 'admitted' ? answer.ticket : null;
}

/** Looks again every few milliseconds until it sees something other than null or false; throws after `withinMs`. */
export async function until<Seen>(
  what: string,
  look: () => Promise<Seen | null | false>,
  withinMs = 10_000,
): Promise<Seen> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== false) return seen;
    if (performance.now() > giveUpAt) throw new Error(`Waited ${withinMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until every entry that the gate has is decided, and settled at the gate. */
export async function atRest(
  house: Pick<House, 'ledger' | 'gate'>,
  saleId: string,
  withinMs = 10_000,
): Promise<void> {
  await until(
    `sale ${saleId} to come to rest`,
    async () => {
      const at = await house.ledger.readSale(saleId);
      const gate = (await house.gate.peek([saleId])).get(saleId) ?? null;
      if (at === null || gate === null || gate.rebuilding !== null) return false;
      const { epoch, committedSeq, position } = at.cursor;
      return (
        gate.epoch === epoch &&
        gate.seq === committedSeq &&
        gate.journalPosition === position &&
        gate.restoring === null
      );
    },
    withinMs,
  );
}

/** Waits until the first deadline of a sale has passed by the gate's clock. */
export async function untilDue(house: House, saleId: string): Promise<void> {
  const deadline = await house.ledger.nextDeadline(saleId);
  await until('the holds to be due', async () => {
    const gate = (await house.gate.peek([saleId])).get(saleId) ?? null;
    return gate !== null && deadline !== null && gate.now > deadline;
  });
}
