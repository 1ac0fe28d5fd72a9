import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
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

  it('F24: killed again and again in the middle of its commits, every ticket is a hold, once', async () => {
    const sale = await openTees(house, 1_000);
    const kept: string[] = [];
    for (let round = 0; round < 5; round++) {
      const died = sleep(20 + 30 * round).then(() => house.postgres?.kill());
      for (let wave = 0; wave < 10; wave++) {
        const tickets = await buyMany(house.edge, sale, `r${round}-${wave}-`, 10);
        kept.push(...tickets.map((ticket) => ticket?.id ?? 'refused'));
      }
      await died;
      await house.postgres?.restart();
    }
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: kept.length } });
    expect(await house.ledger.readReservations(sale, kept)).toHaveLength(kept.length);
  }, 60_000);

  it('F24: its connections ended one and all, under way and idle, no run is lost and nobody is told', async () => {
    const sale = await openTees(house, 100_000);
    const admin = new pg.Client(house.databaseUrl);
    await admin.connect();
    const endAll = async (which: string) =>
      (
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and ${which}`,
        )
      ).rowCount ?? 0;
    try {
      let kept = 0;
      let ended = 0;
      while (ended < 40) {
        const buying = buyMany(house.edge, sale, `b${kept}-`, 10);
        ended += await endAll('true');
        kept += (await buying).length;
      }
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: kept } });
      expect(await endAll(`state = 'idle'`)).toBeGreaterThan(0);
      await buy(house.edge, sale, 'after');
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: kept + 1 } });
    } finally {
      await admin.end();
    }
  }, 60_000);
});
