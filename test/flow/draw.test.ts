/** The lobby and its draw, by the real rooms. */
import { hash } from 'node:crypto';
import type { Ticket } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditSale } from '../../apps/console/src/audit.ts';
import { read, reserve, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import { type House, openHouse, plainSale } from '../support/house.ts';
import { joinMany, lobbyOf, orderOf, placesOf } from '../support/lobby.ts';
import { until } from '../support/sales.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse({ workers: 0 });
});
afterAll(() => house.close());

describe('a lobby', () => {
  test('takes everybody once, refuses to sell, and at the opening all of it stands in the drawn order', async () => {
    const saleId = await lobbyOf(house, 20, { waitlist: true });
    const { edge } = house;
    const view = await edge.readSale(saleId);
    expect(view).toMatchObject({
      kind: 'sale',
      sale: { status: 'lobby', draw: { beacon: null, result: null } },
    });
    const members = await joinMany(edge, saleId, 45);
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
    const order = await orderOf(house, saleId);
    expect(order).toHaveLength(44);
    expect(await placesOf(house, saleId)).toEqual([...order, late.id]);
    const held = await house.rows<{ ticket_id: string }>(
      `select ticket_id from reservations where sale_id = $1 and status = 'held' order by seq`,
      [saleId],
    );
    expect(held.map((row) => row.ticket_id)).toEqual(order.slice(0, 20));
    expect((await read(edge, late)).status).toBe('waitlisted');
    const first = await edge.readTicket(order[0] ?? '');
    expect(first).toMatchObject({ ticket: { status: 'held', version: 3 } });
    await expectConservation(house, saleId);
    const audit = await auditSale(house.ledger, house.gate, saleId);
    expect(audit?.checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  test('keeps its seed in the ledger, and nowhere that anybody reads, until the draw', async () => {
    const saleId = await lobbyOf(house, 5);
    await joinMany(house.edge, saleId, 3);
    await house.commit(saleId);
    const [secret] = await house.rows<{ seed: string; commitment: string }>(
      'select seed, commitment from draws where sale_id = $1',
      [saleId],
    );
    const seen = async () =>
      JSON.stringify([
        await house.edge.readSale(saleId),
        await house.ledger.readSale(saleId),
        await house.ledger.journal(saleId, 0, 100),
        await withRedis(house, (redis) => redis.hgetall(`{s0}:sale:${saleId}`)),
        house.logged,
      ]);
    expect(await seen()).toContain(secret?.commitment);
    expect(await seen()).not.toContain(secret?.seed);
    await house.desk.move(saleId, 'open', null);
    expect(await seen()).toContain(secret?.seed);
  });

  test('answers everybody when the sale ends before it was drawn', async () => {
    const saleId = await lobbyOf(house, 5);
    const members = await joinMany(house.edge, saleId, 7);
    expect(await house.desk.move(saleId, 'close', null)).toMatchObject({ kind: 'done' });
    await house.commit(saleId);
    const told = await Promise.all(members.map((ticket) => read(house.edge, ticket)));
    expect(new Set(told.map(({ status, reason }) => `${status} ${reason}`))).toEqual(
      new Set(['rejected closed']),
    );
    await expectConservation(house, saleId);
  });

  test('is joined neither before it opens nor after the draw, and not by a party larger than the limit', async () => {
    const { desk, edge } = house;
    await desk.create({ ...plainSale('early'), status: 'draft' }, null);
    const ask = (saleId: string, quantity = 1) =>
      edge.join({ saleId, buyerId: 'ann', lines: [{ sku: 'tee', quantity }], idempotencyKey: null });
    expect(await ask('early')).toMatchObject({ kind: 'refused', code: 'not_open' });
    const saleId = await lobbyOf(house, 4, { perBuyerLimit: 3 });
    expect(await ask(saleId, 4)).toMatchObject({ kind: 'refused', code: 'limit_reached' });
    expect(await ask(await lobbyOf(house, 4), 5)).toMatchObject({ kind: 'refused', code: 'sold_out' });
    expect(await desk.openLobby(saleId, null)).toMatchObject({ kind: 'refused', code: 'invalid_transition' });
    expect(await desk.move(saleId, 'open', null)).toMatchObject({ kind: 'done' });
    expect(await ask(saleId)).toMatchObject({ kind: 'refused', code: 'invalid_transition' });
    expect(await desk.move(saleId, 'open', null)).toMatchObject({
      kind: 'refused',
      code: 'invalid_transition',
    });
    expect(await ask('nowhere')).toMatchObject({ kind: 'refused', code: 'unknown_sale' });
  });

  test('that is opened twice at once is drawn once', async () => {
    const saleId = await lobbyOf(house, 5);
    await joinMany(house.edge, saleId, 9);
    const answers = await Promise.all([1, 2, 3].map(() => house.desk.move(saleId, 'open', null)));
    expect(answers.some(({ kind }) => kind === 'done')).toBe(true);
    await house.commit(saleId);
    expect(await placesOf(house, saleId)).toEqual(await orderOf(house, saleId));
    const drawn = (await house.ledger.journal(saleId, 0, 100)).filter(({ type }) => type === 'drawn');
    expect(drawn).toHaveLength(1);
  });

  test('is over at its opening time, and nobody need press anything', async () => {
    const saleId = await lobbyOf(house, 3, { opensAt: Date.now() + 1_500 });
    const members = await joinMany(house.edge, saleId, 5);
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
