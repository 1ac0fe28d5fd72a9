import { createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, emptyRedis, Killed } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, untilDue } from '../support/sales.ts';

describe('a buyer who comes after the last unit', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('waits, and gets what comes back in the order of the line', async () => {
    const sale = await openTees(house, 1, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    const cem = await reserve(house.edge, sale, 'cem');
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem)).toEqual(['held', 'waitlisted', 'waitlisted']);
    await tell(house.edge, ann, 'cancel');
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem)).toEqual(['cancelled', 'held', 'waitlisted']);
    expect((await read(house.edge, bob)).expiresAt, 'a granted hold has its full time').toBeGreaterThan(
      bob.reservedAt,
    );
    await tell(house.edge, bob, 'cancel');
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem)).toEqual(['cancelled', 'cancelled', 'held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 2, held: 1 } });
  });

  it('keeps the place in line while too little comes back for the party, and those behind who fit are served', async () => {
    const sale = await openTees(house, 2, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    const dee = await reserve(house.edge, sale, 'dee');
    const couple = await reserve(house.edge, sale, 'bob', 2);
    const cem = await reserve(house.edge, sale, 'cem');
    await tell(house.edge, ann, 'cancel');
    await house.commit(sale);
    expect(await statuses(house.edge, couple, cem)).toEqual(['waitlisted', 'held']);
    await tell(house.edge, dee, 'cancel');
    await house.commit(sale);
    expect(await statuses(house.edge, couple)).toEqual(['waitlisted']);
    await tell(house.edge, cem, 'cancel');
    await house.commit(sale);
    expect(await statuses(house.edge, couple)).toEqual(['held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 3, held: 2 } });
  });

  it('is not overtaken by a newcomer for whom a single unit would do, not even while the joining is undecided', async () => {
    const sale = await openTees(house, 2, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    const couple = await reserve(house.edge, sale, 'bob', 2);
    await tell(house.edge, ann, 'cancel');
    const eve = await reserve(house.edge, sale, 'eve');
    await house.commit(sale);
    expect(await statuses(house.edge, couple, eve)).toEqual(['held', 'waitlisted']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 1, held: 2, waitlisted: 1 } });
  });

  it('leaves the line by cancelling, and the next in line moves up', async () => {
    const sale = await openTees(house, 1, { waitlist: true, perBuyerLimit: 1 });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    const cem = await reserve(house.edge, sale, 'cem');
    await house.commit(sale);
    await tell(house.edge, bob, 'cancel');
    await tell(house.edge, ann, 'cancel');
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem)).toEqual(['cancelled', 'cancelled', 'held']);
    const again = await reserve(house.edge, sale, 'bob');
    expect(await ask(house.edge, sale, 'bob'), 'who waits has used the limit').toMatchObject({
      code: 'limit_reached',
    });
    await house.commit(sale);
    expect(await statuses(house.edge, again)).toEqual(['waitlisted']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 2, held: 1, waitlisted: 1 } });
  });

  it('is told sold out rather than left to wait for more than there ever was', async () => {
    const sale = await openTees(house, 2, { waitlist: true });
    expect(await ask(house.edge, sale, 'ann', 3)).toMatchObject({
      kind: 'refused',
      code: 'sold_out',
      sku: 'tee',
    });
    await expectConservation(house, sale);
  });

  it('is served by a restock, though hundreds wait', async () => {
    const sale = await openTees(house, 1, { waitlist: true });
    const tickets = await Promise.all(
      Array.from({ length: 451 }, (_, index) => reserve(house.edge, sale, `b${index}`)),
    );
    await house.commit(sale);
    expect(await house.desk.restock(sale, 'tee', 430, null)).toMatchObject({ kind: 'done' });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 431, waitlisted: 20 } });
    const bySeq = [...tickets].sort((a, b) => a.seq - b.seq);
    expect(await statuses(house.edge, ...bySeq.slice(0, 431))).toEqual(
      Array.from({ length: 431 }, () => 'held'),
    );
  });

  it('is granted the unit once more when the gate forgot the grant, though nobody else ever comes', async () => {
    const sale = await openTees(house, 1, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    await tell(house.edge, ann, 'cancel');
    // The run dies after the gate has granted the unit and before the ledger knows of it.
    const run = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'readIntake', 'before', 2) });
    await expect(run.commitSale(sale)).rejects.toThrow(Killed);
    expect((await house.gate.peek([sale])).get(sale)?.seq, 'the grant stands in the intake').toBe(4);
    await emptyRedis(house);
    await house.commit(sale);
    expect(await statuses(house.edge, bob)).toEqual(['held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 1, held: 1 } });
  });
});

describe('a payment that comes after the hold has lapsed', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('is a sale while there are units and the limit allows it, and otherwise money to give back', async () => {
    const sale = await openTees(house, 4, { holdSeconds: 1, perBuyerLimit: 1 });
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    const cem = await reserve(house.edge, sale, 'cem');
    const fay = await reserve(house.edge, sale, 'fay');
    await house.commit(sale);
    await untilDue(house, sale);
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem, fay)).toEqual([
      'expired',
      'expired',
      'expired',
      'expired',
    ]);
    await house.desk.change(sale, { holdSeconds: 300 }, null);
    for (const buyer of ['ann', 'dee', 'eve']) await reserve(house.edge, sale, buyer);

    await tell(house.edge, ann, 'confirm', { paymentRef: 'paid by ann' });
    await tell(house.edge, bob, 'confirm', { paymentRef: 'paid by bob' });
    await tell(house.edge, cem, 'confirm', { paymentRef: 'paid by cem' });
    const unpaid = await tell(house.edge, fay, 'confirm');
    await house.commit(sale);

    expect(await statuses(house.edge, ann, bob, cem, fay)).toEqual([
      'refund_due',
      'confirmed',
      'refund_due',
      'expired',
    ]);
    expect(Object.values((await read(house.edge, fay)).outcomes)).toEqual(['hold_expired']);
    expect(await tell(house.edge, fay, 'confirm')).toMatchObject({
      kind: 'decided',
      outcome: 'hold_expired',
    });
    expect(unpaid).toMatchObject({ kind: 'appended' });
    const [row] = await house.ledger.readReservations(sale, [bob.id]);
    expect(row).toMatchObject({ status: 'confirmed', paymentRef: 'paid by bob' });
    expect(await expectConservation(house, sale)).toEqual({
      tee: { confirmed: 1, expired: 1, held: 3, refund_due: 2 },
    });
    expect(await ask(house.edge, sale, 'bob'), 'a late sale counts against the limit').toMatchObject({
      code: 'limit_reached',
    });
  });

  it('is answered although the gate forgot that it was to answer', async () => {
    const sale = await openTees(house, 1, { holdSeconds: 1 });
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await untilDue(house, sale);
    await house.commit(sale);
    await house.desk.change(sale, { holdSeconds: 300 }, null);
    await house.commit(sale);
    await reserve(house.edge, sale, 'bob');
    await tell(house.edge, ann, 'confirm', { paymentRef: 'paid by ann' });
    const run = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'readIntake', 'before', 2) });
    await expect(run.commitSale(sale)).rejects.toThrow(Killed);
    expect(await statuses(house.edge, ann), 'undecided, a late payment looks expired').toEqual(['expired']);
    await emptyRedis(house);
    await house.commit(sale);
    expect(await statuses(house.edge, ann)).toEqual(['refund_due']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1, refund_due: 1 } });
  });
});
