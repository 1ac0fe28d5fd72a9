import type { Ticket } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import { type FaultyLine, openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until, untilDue } from '../support/sales.ts';
import { openStandby, type Standby } from '../support/standby.ts';
import { freshPostgres } from '../support/stores.ts';

/** One promotion for all sales of this file: what each of them lost with the tail is told by its test. */
describe('F26: when a replica of Postgres is promoted without its tail', () => {
  let house: House;
  let line: FaultyLine;
  let standby: Standby;
  const sales: Record<string, string> = {};
  const before: Ticket[] = [];
  const lost: Ticket[] = [];

  beforeAll(async () => {
    const primary = await freshPostgres();
    standby = await openStandby(primary);
    line = await openFaultyLine(primary.port);
    const url = new URL(primary.url);
    url.port = String(line.port);
    house = await openHouse({ databaseUrl: url.href });
    for (const name of ['sold', 'paused', 'restocked', 'untouched']) sales[name] = await openTees(house, 20);
    sales['lapsed'] = await openTees(house, 20, { holdSeconds: 2, perBuyerLimit: 1 });
    sales['emptied'] = await openTees(house, 20);
    for (let buyer = 0; buyer < 5; buyer++) {
      before.push(await reserve(house.edge, saleOf('sold'), `b${buyer}`));
      await reserve(house.edge, saleOf('untouched'), `b${buyer}`);
    }
    await atRest(house, saleOf('sold'));
    await tell(house.edge, before[0] as Ticket, 'confirm');
    for (const name of ['lapsed', 'emptied']) await buyMany(house.edge, saleOf(name), 'b', 5);
    for (const name of Object.keys(sales)) await atRest(house, saleOf(name));
    await standby.caughtUp();
    standby.cutOff();

    for (let buyer = 5; buyer < 11; buyer++)
      lost.push(await reserve(house.edge, saleOf('sold'), `b${buyer}`));
    const keyed = await ask(house.edge, saleOf('sold'), 'with-a-key', 1, 'once');
    if (keyed.kind === 'admitted') lost.push(keyed.ticket);
    await tell(house.edge, before[1] as Ticket, 'confirm');
    await tell(house.edge, before[2] as Ticket, 'cancel');
    await atRest(house, saleOf('sold'));
    await tell(house.edge, lost[0] as Ticket, 'confirm');
    await tell(house.edge, lost[1] as Ticket, 'cancel');
    await house.desk.move(saleOf('paused'), 'pause', null);
    await house.desk.restock(saleOf('restocked'), 'tee', 10, null);
    await buyMany(house.edge, saleOf('restocked'), 'b', 25);
    await untilDue(house, saleOf('lapsed'));
    await until('the holds to lapse', async () => {
      const view = await house.edge.readSale(saleOf('lapsed'));
      return view.kind === 'sale' && view.sale.items[0]?.available === 20;
    });
    await withRedis(house, (redis) => redis.del(`{s0}:sale:${saleOf('emptied')}`));
    await until('the gate to be rebuilt', () => buy(house.edge, saleOf('emptied'), 'after'));
    sales['created'] = await openTees(house, 20);
    await buyMany(house.edge, saleOf('created'), 'b', 5);
    for (const name of Object.keys(sales)) await atRest(house, saleOf(name));

    await primary.kill();
    await standby.promote();
    line.leadTo(standby.store.port);
    await until('the sweep to find the new ledger', () =>
      house.ledger.liveSales().then(
        () => true,
        () => false,
      ),
    );
  }, 90_000);
  afterAll(async () => {
    await house.close();
    await line.close();
    await standby.close();
  });

  const saleOf = (name: string) => sales[name] as string;

  it('what buyers were told stands: places, holds, confirmed and given back, and nothing is sold twice', async () => {
    const sale = saleOf('sold');
    await until('the gate to sell again', () => buy(house.edge, sale, 'c'));
    const units = await expectConservation(house, sale);
    expect(units).toEqual({ tee: { held: 8, confirmed: 3, cancelled: 1 } });
    expect(await statuses(house.edge, ...before)).toEqual([
      'confirmed',
      'confirmed',
      'cancelled',
      'held',
      'held',
    ]);
    const rows = await house.ledger.readReservations(
      sale,
      lost.map((ticket) => ticket.id),
    );
    const told = lost.map(({ id }) => rows.find((row) => row.ticketId === id)?.status);
    // The second had given its hold back: its row went with the tail, and its unit is free.
    expect(told).toEqual(['confirmed', undefined, 'held', 'held', 'held', 'held', 'held']);
    const again = await ask(house.edge, sale, 'with-a-key', 1, 'once');
    expect(again, 'the same key is the same ticket').toMatchObject({
      replayed: true,
      ticket: { id: lost.at(-1)?.id },
    });
    const more = await buyMany(house.edge, sale, 'd', 30);
    expect(more.filter((ticket) => ticket !== null)).toHaveLength(9);
    expect((await expectConservation(house, sale))['tee']).toMatchObject({ held: 17, confirmed: 3 });
  });

  it('a pause that the ledger has lost is over at the gate too, and can be made again', async () => {
    const sale = saleOf('paused');
    await until('the gate to sell again', () => buy(house.edge, sale, 'c'));
    expect(await house.desk.move(sale, 'pause', null)).toMatchObject({ kind: 'done' });
    expect(await ask(house.edge, sale, 'd')).toMatchObject({ code: 'paused' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('units of a restock that the ledger has lost are refused to the last in line', async () => {
    expect(await expectConservation(house, saleOf('restocked'))).toEqual({ tee: { held: 20, rejected: 5 } });
  });

  it('holds that lapsed in the tail lapse again, and their buyers may buy again', async () => {
    const sale = saleOf('lapsed');
    await until('the holds to lapse', async () => (await house.ledger.nextDeadline(sale)) === null);
    const again = await buyMany(house.edge, sale, 'b', 5);
    expect(again.every((ticket) => ticket !== null)).toBe(true);
    await expectConservation(house, sale);
    await until('these to lapse too', async () => (await house.ledger.nextDeadline(sale)) === null);
    expect(await expectConservation(house, sale)).toEqual({ tee: { expired: 10 } });
  });

  it('a gate that was rebuilt in the tail is rebuilt again', async () => {
    const sale = saleOf('emptied');
    await until('the gate to sell again', () => buy(house.edge, sale, 'c'));
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 7 } });
  });

  it('a sale that the ledger has lost is closed, and the others are still listed', async () => {
    const sale = saleOf('created');
    await until('the sale to be closed', async () => {
      const answer = await ask(house.edge, sale, 'x');
      return answer.kind === 'refused' && answer.code === 'gate_unavailable';
    });
    expect(await house.edge.listSales()).toMatchObject({ kind: 'sales', sales: { length: 6 } });
  });

  it('a sale that lost nothing was never closed', async () => {
    expect(await expectConservation(house, saleOf('untouched'))).toEqual({ tee: { held: 5 } });
    expect((await house.ledger.readSale(saleOf('untouched')))?.cursor.epoch).toBe(1);
  });
});
