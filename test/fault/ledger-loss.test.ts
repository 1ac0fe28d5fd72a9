import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until } from '../support/sales.ts';

describe('when Postgres is away', () => {
  let house: House;

  beforeEach(async () => {
    house = await openHouse({ ownPostgres: true, workers: 2 });
  }, 60_000);
  afterEach(async () => {
    await house.close();
  });

  it('F24: admissions go on, and every one of them is a hold when it is back', async () => {
    const sale = await openTees(house, 100);
    const first = await buyMany(house.edge, sale, 'a', 20);
    await house.postgres?.kill();
    const while_ = await buyMany(house.edge, sale, 'b', 50);
    expect([...first, ...while_].every((ticket) => ticket !== null)).toBe(true);
    expect(await house.edge.readTicket(while_[0]?.id ?? '')).toMatchObject({ ticket: { status: 'queued' } });
    await house.postgres?.restart();
    await until(
      'the last ticket to be held',
      async () => {
        const read = await house.edge.readTicket(while_.at(-1)?.id ?? '');
        return read.kind === 'ticket' && read.ticket.status === 'held';
      },
      20_000,
    );
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 70 } });
  }, 60_000);

  it('F24: a confirm that reached the gate in time counts, though the ledger was away past the deadline', async () => {
    const sale = await openTees(house, 2, { holdSeconds: 1 });
    const ticket = await buy(house.edge, sale, 'ann');
    const other = await buy(house.edge, sale, 'bob');
    await atRest(house, sale);
    await house.postgres?.kill();
    await house.edge.command({
      ticketId: ticket?.id ?? '',
      kind: 'confirm',
      idempotencyKey: null,
      paymentRef: null,
      seconds: null,
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await house.postgres?.restart();
    await until(
      'the other hold to lapse',
      async () => {
        const read = await house.edge.readTicket(other?.id ?? '');
        return read.kind === 'ticket' && read.ticket.status === 'expired';
      },
      20_000,
    );
    expect(await house.edge.readTicket(ticket?.id ?? '')).toMatchObject({ ticket: { status: 'confirmed' } });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, expired: 1 } });
  }, 60_000);
});
