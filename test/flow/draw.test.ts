/** The lobby and its draw, by the real rooms. */
import { hash } from 'node:crypto';
import type { EdgeGate, Ticket } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { read, reserve, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse, plainSale } from '../support/house.ts';
import { until } from '../support/sales.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse({ workers: 0 });
});
afterAll(() => house.close());

let sales = 0;

/** A sale of `stock` tees in its lobby; answers with its id. */
async function lobbyOf(stock: number, change: Partial<ReturnType<typeof plainSale>> = {}): Promise<string> {
  sales += 1;
  const items = [{ sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 4900, stock }];
  const sale = { ...plainSale(`drawn-${sales}`), items, status: 'draft' as const, ...change };
  expect(await house.desk.create(sale, null)).toMatchObject({ kind: 'done' });
  expect(await house.desk.openLobby(sale.id ?? '', null)).toMatchObject({ kind: 'done' });
  return sale.id ?? '';
}

async function join(edge: EdgeGate, saleId: string, buyerId: string, quantity = 1): Promise<Ticket> {
  const answer = await edge.join({
    saleId,
    buyerId,
    lines: [{ sku: 'tee', quantity }],
    idempotencyKey: null,
  });
  if (answer.kind === 'refused') throw new Error(`${buyerId} was refused: ${answer.code}`);
  return answer.ticket;
}

/** As a stranger would compute it. */
function recompute(seed: string, beacon: string, ticketIds: string[]): string[] {
  const sha = (text: string) => hash('sha256', text);
  const mix = sha(`${seed}\n${sha(ticketIds.join('\n'))}\n${beacon}`);
  return [...ticketIds].sort((a, b) => (sha(`${mix}\n${a}`) < sha(`${mix}\n${b}`) ? -1 : 1));
}

async function placesOf(saleId: string): Promise<string[]> {
  const rows = await house.rows<{ ticket_id: string }>(
    'select ticket_id from reservations where sale_id = $1 order by epoch, seq',
    [saleId],
  );
  return rows.map((row) => row.ticket_id);
}

describe('a lobby', () => {
  test('takes everybody once, refuses to sell, and at the opening all of it stands in the drawn order', async () => {
    const saleId = await lobbyOf(20, { waitlist: true });
    const { edge } = house;
    const view = await edge.readSale(saleId);
    expect(view).toMatchObject({
      kind: 'sale',
      sale: { status: 'lobby', draw: { beacon: null, result: null } },
    });
    const members = await Promise.all(
      Array.from({ length: 45 }, (_, index) => join(edge, saleId, `early${index}`)),
    );
    expect(members.every((ticket) => ticket.status === 'lobby' && ticket.version === 1)).toBe(true);
    const again = await edge.join({ saleId, buyerId: 'early7', lines: null, idempotencyKey: 'another' });
    expect(again).toMatchObject({ kind: 'admitted', replayed: true, ticket: { id: members[7]?.id } });
    expect(await edge.reserve({ saleId, buyerId: 'x', lines: null, idempotencyKey: null })).toMatchObject({
      kind: 'refused',
      code: 'not_open',
    });
    await house.commit(saleId);
    await tell(edge, members[3] as Ticket, 'cancel');
    await house.commit(saleId);
    expect((await read(edge, members[3] as Ticket)).status).toBe('cancelled');

    expect(await house.desk.move(saleId, 'open', null, 'beacon-4711')).toMatchObject({ kind: 'done' });
    const late = await reserve(edge, saleId, 'late');
    await house.commit(saleId);

    const shown = await edge.readSale(saleId);
    const draw = shown.kind === 'sale' ? shown.sale.draw : null;
    expect(draw).toMatchObject({ beacon: 'beacon-4711', result: { members: 44 } });
    expect(hash('sha256', Buffer.from(draw?.result?.seed ?? '', 'hex'))).toBe(draw?.commitment);
    const joined = (await house.ledger.journal(saleId, 0, 1_000)).flatMap(({ type, ticketId }) =>
      type === 'joined' && ticketId !== members[3]?.id ? [ticketId ?? ''] : [],
    );
    const order = recompute(draw?.result?.seed ?? '', 'beacon-4711', joined);
    expect((await placesOf(saleId)).filter((id) => id !== members[3]?.id)).toEqual([...order, late.id]);
    const held = await house.rows<{ ticket_id: string }>(
      `select ticket_id from reservations where sale_id = $1 and status = 'held' order by seq`,
      [saleId],
    );
    expect(held.map((row) => row.ticket_id)).toEqual(order.slice(0, 20));
    expect((await read(edge, late)).status).toBe('waitlisted');
    const first = await edge.readTicket(order[0] ?? '');
    expect(first).toMatchObject({ ticket: { status: 'held', version: 3 } });
    await expectConservation(house, saleId);
  });

  test('is over at its opening time, and nobody need press anything', async () => {
    const saleId = await lobbyOf(3, { opensAt: Date.now() + 1_500 });
    const members = await Promise.all(
      Array.from({ length: 5 }, (_, index) => join(house.edge, saleId, `b${index}`)),
    );
    const worker = await house.addWorker();
    await until('the sale to be drawn', async () => {
      const sale = await house.edge.readSale(saleId);
      return sale.kind === 'sale' && sale.sale.status === 'open';
    });
    await expectConservation(house, saleId);
    const states = await Promise.all(members.map(async (ticket) => (await read(house.edge, ticket)).status));
    expect(states.sort()).toEqual(['held', 'held', 'held', 'rejected', 'rejected']);
    await worker.close();
  });
});
