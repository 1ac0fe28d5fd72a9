import { type NewEvent, refuse, type Ticket } from '@holdfast/core';
import { createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, emptyRedis, Killed } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { buyMany, openTees, until } from '../support/sales.ts';

/** The status as a console wrote it that died before it could do anything else. */
async function writeStatus(house: House, saleId: string, status: 'closed' | 'cancelled'): Promise<void> {
  const event: NewEvent = {
    type: 'sale_moved',
    ticketId: null,
    commandId: null,
    data: { status },
    at: Date.now(),
  };
  await until('the ledger to be free', async () => {
    const at = await house.ledger.readSale(saleId);
    if (at === null) throw new Error(refuse('unknown_sale').code);
    const sale = { ...at.sale, status, termsVersion: at.sale.termsVersion + 1 };
    return (await house.ledger.move(at.cursor, sale, event)) === 'changed';
  });
}

async function countIn(house: House, saleId: string): Promise<Record<string, number>> {
  const rows = await house.rows<{ status: string; count: string }>(
    'select status, count(*) as count from reservations where sale_id = $1 group by status',
    [saleId],
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
}

describe('a sale that is cancelled', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('releases holds, owes back what was bought, and answers who waits; withdrawn units stay the house’s', async () => {
    const sale = await openTees(house, 4, { waitlist: true });
    const held = await reserve(house.edge, sale, 'ann');
    const bought = await reserve(house.edge, sale, 'bob', 2);
    expect(await house.desk.withdraw(sale, 'tee', 1, null)).toMatchObject({ kind: 'done' });
    const waiting = await reserve(house.edge, sale, 'cem');
    await tell(house.edge, bought, 'confirm', { paymentRef: 'pay-1' });
    await house.commit(sale);
    expect(await statuses(house.edge, held, bought, waiting)).toEqual(['held', 'confirmed', 'waitlisted']);
    expect(await house.desk.move(sale, 'cancel', null)).toMatchObject({ kind: 'done' });
    expect(await statuses(house.edge, held, bought, waiting)).toEqual([
      'cancelled',
      'refund_due',
      'rejected',
    ]);
    for (const ticket of [held, bought, waiting])
      expect((await read(house.edge, ticket)).reason).toBe('closed');
    expect(await expectConservation(house, sale)).toEqual({
      tee: { cancelled: 1, confirmed: 1, refund_due: 2, rejected: 1 },
    });
    expect(await ask(house.edge, sale, 'dee')).toMatchObject({ code: 'closed' });
    expect(await house.desk.command(bought.id, 'refunded')).toMatchObject({ kind: 'done' });
    expect(await statuses(house.edge, bought)).toEqual(['refunded']);
  });

  it('owes back a payment that comes for a hold it had released', async () => {
    const sale = await openTees(house, 1);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await house.desk.move(sale, 'cancel', null);
    await tell(house.edge, ann, 'confirm', { paymentRef: 'pay-late' });
    await house.commit(sale);
    expect(await statuses(house.edge, ann)).toEqual(['refund_due']);
    await expectConservation(house, sale);
  });

  it('gives the limit back', async () => {
    const sale = await openTees(house, 3, { perBuyerLimit: 2 });
    await reserve(house.edge, sale, 'ann', 2);
    await house.commit(sale);
    await house.desk.move(sale, 'cancel', null);
    const [given] = await house.rows<{ released: string }>(
      'select released from buyers where sale_id = $1 and buyer_id = $2',
      [sale, 'ann'],
    );
    expect(Number(given?.released)).toBe(2);
  });

  it('is ended in pieces, and a run that dies between two of them leaves the rest to the next', async () => {
    const sale = await openTees(house, 1_500);
    const tickets = await buyMany(house.edge, sale, 'b', 1_500);
    await house.commit(sale);
    await writeStatus(house, sale, 'cancelled');
    const dies = createCommitter({ ledger: dying(house.ledger, 'commitRun', 'after'), gate: house.gate });
    await expect(dies.commitSale(sale)).rejects.toThrow(Killed);
    expect(await countIn(house, sale), 'the first piece stands').toEqual({ cancelled: 1_000, held: 500 });
    await emptyRedis(house);
    await house.commit(sale);
    expect(await countIn(house, sale)).toEqual({ cancelled: 1_500 });
    expect(await statuses(house.edge, tickets[0] as Ticket, tickets[1_499] as Ticket)).toEqual([
      'cancelled',
      'cancelled',
    ]);
    await expectConservation(house, sale);
  });
});

describe('a return', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('is judged by what reached the gate before it, also where it was refused a moment ago', async () => {
    const sale = await openTees(house, 1);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    expect(await house.desk.command(ann.id, 'return')).toMatchObject({ code: 'invalid_transition' });
    await tell(house.edge, ann, 'confirm', { paymentRef: 'pay-1' });
    expect(await house.desk.command(ann.id, 'return')).toMatchObject({ kind: 'done' });
    expect(await statuses(house.edge, ann)).toEqual(['returned']);
    expect(await house.desk.command(ann.id, 'return')).toMatchObject({ kind: 'repeated' });
    await expectConservation(house, sale);
  });
});

describe('a sale that is closed', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ sweepEveryMs: 50 });
  });
  afterAll(() => house.close());

  it('answers who waits; who holds may still buy', async () => {
    const sale = await openTees(house, 1, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    await house.desk.move(sale, 'close', null);
    expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'rejected']);
    expect((await read(house.edge, bob)).reason).toBe('closed');
    await tell(house.edge, ann, 'confirm');
    await house.commit(sale);
    expect(await statuses(house.edge, ann)).toEqual(['confirmed']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, rejected: 1 } });
  });

  it('closes at its time with nobody at the console, and answers who waits then', async () => {
    const sale = await openTees(house, 1, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    const at = (await house.gate.peek([sale])).get(sale)?.now ?? 0;
    await house.desk.change(sale, { closesAt: at + 300 }, null);
    await until('bob to be told', async () => (await read(house.edge, bob)).status === 'rejected');
    expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'rejected']);
    expect((await house.ledger.readSale(sale))?.sale.status).toBe('closed');
    expect(await ask(house.edge, sale, 'cem')).toMatchObject({ code: 'closed' });
    await expectConservation(house, sale);
  });

  it('is ended by the workers when the console died right after it had written the close', async () => {
    const sale = await openTees(house, 1, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    await until('bob to wait', async () => (await read(house.edge, bob)).status === 'waitlisted');
    await writeStatus(house, sale, 'cancelled');
    await until('both to be told', async () => {
      const [annIs, bobIs] = await statuses(house.edge, ann, bob);
      return annIs === 'cancelled' && bobIs === 'rejected';
    });
    await expectConservation(house, sale);
  });

  it('is settled when nobody holds or waits any more, and not before', async () => {
    const sale = await openTees(house, 2);
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    await tell(house.edge, ann, 'confirm');
    await house.commit(sale);
    expect(await house.desk.move(sale, 'settle', null)).toMatchObject({ code: 'invalid_transition' });
    await house.desk.move(sale, 'close', null);
    expect(await house.desk.move(sale, 'settle', null), 'bob holds').toMatchObject({
      code: 'invalid_transition',
    });
    await tell(house.edge, bob, 'cancel');
    await house.commit(sale);
    expect(await house.desk.move(sale, 'settle', null)).toMatchObject({ kind: 'done' });
    expect(await house.desk.move(sale, 'open', null)).toMatchObject({ code: 'invalid_transition' });
    expect(await statuses(house.edge, ann, bob), 'tickets stay readable').toEqual(['confirmed', 'cancelled']);
    expect(await ask(house.edge, sale, 'cem')).toMatchObject({ code: 'closed' });
  });

  it('can be opened again; who was told stays told, and comes anew like everybody', async () => {
    const sale = await openTees(house, 1, { waitlist: true });
    await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    await house.desk.move(sale, 'close', null);
    await house.desk.move(sale, 'open', null);
    const again = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    expect(await statuses(house.edge, bob, again)).toEqual(['rejected', 'waitlisted']);
    await expectConservation(house, sale);
  });
});
