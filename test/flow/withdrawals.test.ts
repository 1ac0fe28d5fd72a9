import { createDesk, type Desk, type DeskParts, maxStock } from '@holdfast/pipeline';
import { shardOf } from '@holdfast/gate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { emptyRedis, rememberGate } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees } from '../support/sales.ts';

describe('the sale desk', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  function deskWith(change: Partial<DeskParts>): Desk {
    const committer = { commitSale: (saleId: string) => house.commit(saleId) };
    return createDesk({
      ledger: house.ledger,
      gate: house.gate,
      committer,
      log: house.log,
      secret: 'for tests',
      shardOf: (saleId) => shardOf(saleId, 1),
      ...change,
    });
  }

  const stockOf = async (saleId: string) => {
    const view = await house.edge.readSale(saleId);
    if (view.kind === 'refused') throw new Error(view.code);
    const [item] = view.sale.items;
    return { available: item?.available, stock: item?.stock };
  };

  it('withdraws while the sale is paused, what is left, once per key, and never a unit that a buyer has', async () => {
    const sale = await openTees(house, 10);
    for (let buyer = 0; buyer < 4; buyer++) await reserve(house.edge, sale, `b${buyer}`);
    await house.desk.move(sale, 'pause', null);
    expect(await ask(house.edge, sale, 'late')).toMatchObject({ code: 'paused' });
    const request = { key: `withdraw ${sale}`, fingerprint: 'three' };
    expect(await house.desk.withdraw(sale, 'tee', 3, request)).toEqual({ kind: 'done', saleId: sale });
    expect(await house.desk.withdraw(sale, 'tee', 3, request), 'the same key').toEqual({
      kind: 'repeated',
      saleId: sale,
    });
    expect(await house.desk.withdraw(sale, 'tee', 2, request), 'with another body').toMatchObject({
      code: 'idempotency_mismatch',
    });
    expect(await stockOf(sale)).toEqual({ available: 3, stock: 7 });
    expect(await house.desk.withdraw(sale, 'tee', 4, null)).toMatchObject({ code: 'not_enough_available' });
    expect(await house.desk.withdraw(sale, 'hat', 1, null)).toMatchObject({ code: 'unknown_item' });
    expect(await house.desk.withdraw('no-such-sale', 'tee', 1, null)).toMatchObject({ code: 'unknown_sale' });
    expect(await house.desk.withdraw(sale, 'tee', 3, null)).toMatchObject({ kind: 'done' });
    expect(await stockOf(sale)).toEqual({ available: 0, stock: 4 });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 6, held: 4 } });
  });

  it('answers a request that it remembers before it looks at anything else', async () => {
    const sale = await openTees(house, 5);
    const request = { key: `remembered ${sale}`, fingerprint: 'f' };
    await house.ledger.answerRequest(request, 200, '{}');
    for (const again of [
      await house.desk.withdraw(sale, 'hat', 1, request),
      await house.desk.restock(sale, 'hat', 1, request),
      await house.desk.change(sale, { name: 'Other' }, request),
    ])
      expect(again).toEqual({ kind: 'repeated', saleId: sale });
    const other = { ...request, fingerprint: 'another body' };
    expect(await house.desk.withdraw(sale, 'tee', 1, other)).toMatchObject({ code: 'idempotency_mismatch' });
    expect(await house.desk.settle(sale)).toEqual({ kind: 'repeated', saleId: sale });
    expect(await house.desk.settle('no-such-sale')).toMatchObject({ code: 'unknown_sale' });
    expect(await stockOf(sale)).toEqual({ available: 5, stock: 5 });
    await expectConservation(house, sale);
  });

  it('creates a sale once per key, and tells a taken name from a repeat', async () => {
    const sale = await openTees(house, 5);
    const at = await house.ledger.readSale(sale);
    if (at === null) throw new Error('The sale is in the ledger');
    const asked = {
      ...at.sale,
      status: 'open' as const,
      id: null,
      items: at.sale.items.map((item) => ({ ...item, stock: 5 })),
    };
    const request = { key: 'create one', fingerprint: 'f' };
    const first = await house.desk.create(asked, request);
    expect(first).toMatchObject({ kind: 'done' });
    expect(await house.desk.create(asked, request)).toEqual({ ...first, kind: 'repeated' });
    expect(await house.desk.create(asked, { ...request, fingerprint: 'g' })).toMatchObject({
      code: 'idempotency_mismatch',
    });
    expect(await house.desk.create({ ...asked, id: sale }, null)).toMatchObject({ code: 'already_exists' });
    expect(
      await house.desk.create({ ...asked, id: sale }, { key: 'create two', fingerprint: 'f' }),
    ).toMatchObject({ code: 'already_exists' });
  });

  it('refuses a stock that no store counts exactly, and every change of a sale that is over', async () => {
    const sale = await openTees(house, 5);
    expect(await house.desk.restock(sale, 'tee', maxStock, null)).toMatchObject({ code: 'invalid_quantity' });
    expect(await house.desk.restock(sale, 'tee', maxStock - 5, null)).toMatchObject({ kind: 'done' });
    expect(await house.desk.change(sale, { opensAt: 5, closesAt: 5 }, null)).toMatchObject({
      code: 'invalid_body',
    });
    expect(await house.desk.move(sale, 'cancel', null)).toMatchObject({ kind: 'done' });
    expect(await house.desk.restock(sale, 'tee', 1, null)).toMatchObject({ code: 'invalid_transition' });
    expect(await house.desk.change(sale, { name: 'Other' }, null)).toMatchObject({
      code: 'invalid_transition',
    });
    expect(await house.desk.move(sale, 'open', null)).toMatchObject({ code: 'invalid_transition' });
    await expectConservation(house, sale);
  });

  it('keeps a closing time that is still to come when the sale is opened by hand', async () => {
    const closesAt = Date.now() + 3_600_000;
    const sale = await openTees(house, 5, { status: 'draft', opensAt: Date.now() - 1_000, closesAt });
    expect(await house.desk.move(sale, 'open', null)).toMatchObject({ kind: 'done' });
    expect(await house.edge.readSale(sale)).toMatchObject({ sale: { status: 'open', closesAt } });
    await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('brings a gate back that lost its memory before it withdraws from it', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await emptyRedis(house);
    expect(await house.desk.withdraw(sale, 'tee', 4, null)).toMatchObject({ kind: 'done' });
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    expect(await stockOf(sale)).toEqual({ available: 0, stock: 1 });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 4, held: 1 } });
  });

  it('withdraws nothing that an old file of the gate promised and the ledger had given away', async () => {
    const sale = await openTees(house, 3);
    const putBack = await rememberGate(house);
    for (const buyer of ['ann', 'bob', 'cem']) await reserve(house.edge, sale, buyer);
    await house.commit(sale);
    await putBack();
    expect(await house.desk.withdraw(sale, 'tee', 2, null)).toMatchObject({ code: 'not_enough_available' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 3, rejected: 2 } });
  });

  it('lets buyers and the house meet in one line, and gives each unit to one of them', async () => {
    const sale = await openTees(house, 40);
    const withdrawn: number[] = [];
    const [tickets] = await Promise.all([
      Promise.all(Array.from({ length: 30 }, (_, index) => ask(house.edge, sale, `b${index}`))),
      ...Array.from({ length: 10 }, async () => {
        const answer = await house.desk.withdraw(sale, 'tee', 3, null);
        if (answer.kind === 'done') withdrawn.push(3);
        else expect(answer).toMatchObject({ code: 'not_enough_available' });
      }),
    ]);
    await house.commit(sale);
    const bought = tickets.filter((answer) => answer.kind === 'admitted').length;
    const taken = bought + withdrawn.length * 3;
    expect(taken).toBeGreaterThan(37);
    expect(await expectConservation(house, sale)).toEqual({
      tee: {
        ...(bought > 0 && { held: bought }),
        ...(withdrawn.length > 0 && { confirmed: withdrawn.length * 3 }),
      },
    });
  });

  it('gives way to the runs of a busy sale for a bounded time, and says so', async () => {
    const sale = await openTees(house, 5);
    let tries = 0;
    const ledger = { ...house.ledger, changeSale: async () => (tries++, 'stale' as const) };
    const refused = deskWith({ ledger, now: () => 0 });
    expect(await refused.restock(sale, 'tee', 2, null)).toMatchObject({ code: 'ledger_unavailable' });
    expect(tries).toBeGreaterThan(100);
    expect(house.logged.some((text) => text.startsWith('a change of a sale did not get its turn'))).toBe(
      true,
    );
    const ann = await reserve(house.edge, sale, 'ann');
    await tell(house.edge, ann, 'confirm');
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1 } });
  }, 15_000);
});
