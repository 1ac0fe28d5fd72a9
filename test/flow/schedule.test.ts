import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, reserve, statuses } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, until } from '../support/sales.ts';

describe('a sale with an opening and a closing time', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  const gateNow = async (saleId: string) => (await house.gate.peek([saleId])).get(saleId)?.now ?? 0;
  const statusOf = async (saleId: string) => (await house.ledger.readSale(saleId))?.sale.status;

  it('opens and closes by the gate’s clock with no worker and no console awake', async () => {
    const now = await gateNow(await openTees(house, 1));
    const times = { opensAt: now + 1_500, closesAt: now + 3_000 };
    const sale = await openTees(house, 50, { status: 'draft', ...times });
    expect(await house.desk.move(sale, 'schedule', null)).toMatchObject({ kind: 'done' });
    expect(await ask(house.edge, sale, 'early')).toMatchObject({ code: 'not_open', opensAt: times.opensAt });
    const first = await until('the opening', async () => {
      const answer = await ask(house.edge, sale, 'ann');
      return answer.kind === 'admitted' && answer.ticket;
    });
    expect(first.reservedAt).toBeGreaterThanOrEqual(times.opensAt);
    await until('the closing', async () => {
      const answer = await ask(house.edge, sale, `b${Math.random()}`);
      if (answer.kind === 'admitted') expect(answer.ticket.reservedAt).toBeLessThan(times.closesAt);
      return answer.kind === 'refused' && answer.code === 'closed';
    });
    expect(await statusOf(sale), 'nobody was awake to write it').toBe('scheduled');
    await house.commit(sale);
    expect(await statusOf(sale)).toBe('closed');
    expect(await statuses(house.edge, first)).toEqual(['held']);
    const moves = await house.rows<{ data: string }>(
      "select data from events where sale_id = $1 and type = 'sale_moved' order by position",
      [sale],
    );
    expect(moves.map(({ data }) => JSON.parse(data).status)).toEqual(['scheduled', 'open', 'closed']);
    await expectConservation(house, sale);
  });

  it('can be paused in the very second of its opening, before any worker has heard of it', async () => {
    const opensAt = (await gateNow(await openTees(house, 1))) + 1_500;
    const sale = await openTees(house, 5, { status: 'draft', opensAt });
    await house.desk.move(sale, 'schedule', null);
    await house.commit(sale);
    await until('the opening', async () => (await ask(house.edge, sale, 'ann')).kind === 'admitted');
    expect(await statusOf(sale), 'nobody was awake to write it').toBe('scheduled');
    expect(await house.desk.move(sale, 'pause', null)).toMatchObject({ kind: 'done' });
    expect(await ask(house.edge, sale, 'bob')).toMatchObject({ code: 'paused' });
    await expectConservation(house, sale);
  });

  it('cannot be scheduled without a time, nor lose it while it is', async () => {
    const sale = await openTees(house, 1, { status: 'draft' });
    expect(await house.desk.move(sale, 'schedule', null)).toMatchObject({ code: 'invalid_transition' });
    const opensAt = (await gateNow(sale)) + 3_600_000;
    await house.desk.change(sale, { opensAt }, null);
    expect(await house.desk.move(sale, 'schedule', null)).toMatchObject({ kind: 'done' });
    expect(await house.desk.change(sale, { opensAt: null }, null)).toMatchObject({ code: 'invalid_body' });
    expect(await ask(house.edge, sale, 'ann')).toMatchObject({ code: 'not_open', opensAt });
    expect(await house.desk.move(sale, 'open', null)).toMatchObject({ kind: 'done' });
    expect((await reserve(house.edge, sale, 'ann')).status).toBe('queued');
  });

  it('is opened in the ledger by the workers, soon after its time', async () => {
    const worker = await openHouse({ sweepEveryMs: 50 });
    try {
      const now = (await worker.gate.peek([await openTees(worker, 1)])).values().next().value?.now ?? 0;
      const sale = await openTees(worker, 1, { status: 'draft', opensAt: now + 300 });
      await worker.desk.move(sale, 'schedule', null);
      await until(
        'the ledger to say so',
        async () => (await worker.ledger.readSale(sale))?.sale.status === 'open',
      );
    } finally {
      await worker.close();
    }
  });
});
