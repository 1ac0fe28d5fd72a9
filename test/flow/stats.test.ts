/** Statistics are kept by the runs; here they are held against the rows and the journal, counted the slow way. */
import { statisticsRecord, statisticsSchema } from '@holdfast/contracts';
import type { Ticket } from '@holdfast/core';
import { createLedger, migrate } from '@holdfast/ledger';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tell } from '../support/commands.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, until } from '../support/sales.ts';

const items = [
  { sku: 'cap', priceMinor: 1_500, stock: 60 },
  { sku: 'mug', priceMinor: 900, stock: 40 },
  { sku: 'tee', priceMinor: 4_900, stock: 50 },
].map((item) => ({ ...item, name: `The ${item.sku}`, description: null, imageUrl: null }));
const hourMs = 3_600_000;

describe('the statistics of a sale', () => {
  let house: House;
  let console: Awaited<ReturnType<typeof openConsoleApp>>;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
    console = await openConsoleApp(house);
  });
  afterAll(async () => {
    await console.close();
    await house.close();
  });

  async function read(saleId: string) {
    const response = await console.app.request(`/v1/sales/${saleId}/stats`, {
      headers: { Authorization: `Bearer ${adminKey}` },
    });
    expect(response.status).toBe(200);
    return statisticsSchema.parse(await response.json());
  }

  /** The gate's clock never goes back, so one that was moved ahead stays there: later holds and sales are of that hour. */
  async function moveClock(saleId: string, byMs: number): Promise<void> {
    const now = (await house.gate.peek([saleId])).get(saleId)?.now ?? 0;
    await withRedis(house, (redis) => redis.hset(`{s0}:sale:${saleId}`, 'time', String(now + byMs)));
  }

  let buyers = 0;
  async function buy(saleId: string, ...lines: [sku: string, quantity: number][]): Promise<Ticket | null> {
    const answer = await house.edge.reserve({
      saleId,
      buyerId: `buyer ${++buyers}`,
      lines: lines.map(([sku, quantity]) => ({ sku, quantity })),
      idempotencyKey: null,
    });
    return answer.kind === 'admitted' ? answer.ticket : null;
  }

  async function crowd(saleId: string, ...parties: [sku: string, quantity: number][][]): Promise<Ticket[]> {
    const tickets: Ticket[] = [];
    for (const lines of parties) {
      const ticket = await buy(saleId, ...lines);
      if (ticket !== null) tickets.push(ticket);
    }
    await house.commit(saleId);
    return tickets;
  }

  it('are zero before anybody came', async () => {
    const saleId = await house.openSale({ items });
    const empty = { count: 0, p50: null, p95: null, p99: null };
    const nobody = { sold: 0, held: 0, waiting: 0, returned: 0, refundDue: 0 };
    expect(await read(saleId)).toMatchObject({
      currency: 'EUR',
      revenueMinor: 0,
      units: nobody,
      reservations: nobody,
      byDay: [],
      byHour: [],
      topItems: [],
      refusals: {},
      queueTimeMs: empty,
      holdTimeMs: empty,
      holds: { made: 0, conversion: null },
    });
  });

  it('agree with rows and journal after three days of buying, lapsing, returning, refusing and cancelling', async () => {
    const saleId = await house.openSale({ items, waitlist: true, perBuyerLimit: 20, holdSeconds: 60 });
    const first = await crowd(
      saleId,
      ...Array.from({ length: 20 }, (_, index): [string, number][] =>
        index % 3 === 0
          ? [['cap', 2]]
          : [
              ['cap', 1],
              ['tee', 1 + (index % 2)],
            ],
      ),
    );
    for (const ticket of first.slice(0, 9))
      await tell(house.edge, ticket, 'confirm', { paymentRef: ticket.id });
    await tell(house.edge, first[9] as Ticket, 'cancel');
    await house.commit(saleId);
    await moveClock(saleId, 40_000);
    for (const ticket of first.slice(10, 13)) await tell(house.edge, ticket, 'confirm');
    await house.commit(saleId);
    // Seven holds lapse; one of them is paid all the same, and has its units again.
    await moveClock(saleId, 30_000);
    await house.commit(saleId);
    await tell(house.edge, first[15] as Ticket, 'confirm', { paymentRef: 'late' });
    await house.commit(saleId);
    await house.commit(saleId);

    await moveClock(saleId, 26 * hourMs);
    const second = await crowd(saleId, ...Array.from({ length: 12 }, (): [string, number][] => [['mug', 3]]));
    for (const ticket of second.slice(0, 10)) await tell(house.edge, ticket, 'confirm');
    await house.commit(saleId);
    for (const ticket of first.slice(0, 3)) await house.desk.command(ticket.id, 'return');
    // Four mugs are left and two parties hold three each: who wants five waits, and some give up waiting.
    const waiting = await crowd(saleId, [['mug', 5]], [['mug', 5]], [['mug', 2]]);
    await tell(house.edge, waiting[1] as Ticket, 'cancel');
    await house.commit(saleId);
    expect(await buy(saleId, ['tee', 51])).toBeNull();
    await house.desk.withdraw(saleId, 'cap', 4, null);

    await moveClock(saleId, 30 * hourMs);
    await house.commit(saleId);
    const third = await crowd(
      saleId,
      [['tee', 4]],
      [
        ['tee', 1],
        ['cap', 1],
        ['mug', 1],
      ],
    );
    for (const ticket of third) await tell(house.edge, ticket, 'confirm');
    await house.commit(saleId);
    await atRest(house, saleId);
    await expectTrue(saleId);
    const open = await read(saleId);
    expect(open.byDay.length).toBeGreaterThan(1);
    expect(open.byHour).toBeNull();

    await house.desk.move(saleId, 'cancel', null);
    await house.commit(saleId);
    await atRest(house, saleId);
    await expectTrue(saleId);
    const over = await read(saleId);
    expect(over).toMatchObject({ revenueMinor: 0, units: { sold: 0, held: 0, waiting: 0 } });
    expect(over.refundDueMinor).toBe(open.revenueMinor);
  });

  it('show a sale of a day by hour, and refusals at the gate by reason', async () => {
    const saleId = await house.openSale({ items: [{ ...(items[2] as (typeof items)[0]), stock: 2 }] });
    const [ticket] = await crowd(saleId, [['tee', 2]]);
    await tell(house.edge, ticket as Ticket, 'confirm');
    await house.commit(saleId);
    for (let count = 0; count < 3; count += 1) expect(await buy(saleId, ['tee', 1])).toBeNull();
    await until('the refusals to be counted', async () => {
      const counted = (await house.gate.readRefusals([saleId])).get(saleId) ?? [];
      if (counted.reduce((sum, { count }) => sum + count, 0) < 3) return false;
      await house.ledger.recordRefusals(saleId, counted);
      return true;
    });
    const { byHour, byDay, refusals } = await read(saleId);
    const period = { unitsSold: 2, revenueMinor: 9_800, unitsGivenBack: 0, givenBackMinor: 0 };
    expect(byHour).toEqual([{ hour: expect.stringMatching(/T\d\d:00:00\.000Z$/), ...period }]);
    expect(byDay).toEqual([{ day: byHour?.[0]?.hour.slice(0, 10), ...period }]);
    expect(refusals).toEqual({ sold_out: 3 });
  });

  it('of a sale that there is not are no statistics', async () => {
    const response = await console.app.request('/v1/sales/none/stats', {
      headers: { Authorization: `Bearer ${adminKey}` },
    });
    expect(response.status).toBe(404);
  });

  it('of sales from before they were kept are summed up when the schema is brought up to date', async () => {
    const older = await openHouse({ workers: 0 });
    try {
      const saleId = await older.openSale({ items });
      const [ann, bob] = await Promise.all(
        ['ann', 'bob'].map((buyerId) =>
          older.edge.reserve({ saleId, buyerId, lines: [{ sku: 'tee', quantity: 2 }], idempotencyKey: null }),
        ),
      );
      if (ann?.kind !== 'admitted' || bob?.kind !== 'admitted') throw new Error('refused');
      await older.commit(saleId);
      await tell(older.edge, ann.ticket, 'confirm');
      await older.desk.withdraw(saleId, 'cap', 3, null);
      await older.commit(saleId);
      const before = await older.ledger.statistics(saleId);
      for (const step of [
        'drop table statistics, seals, erasures',
        'drop index reservations_waiting',
        'alter table reservations drop column held_at',
        'alter table events drop column opening',
        `delete from kysely_migration where name >= '0010'`,
      ])
        await older.rows(step);
      await migrate(older.databaseUrl);
      const reopened = createLedger({ url: older.databaseUrl });
      const after = await reopened.statistics(saleId);
      await reopened.close();
      if (before === null || after === null) throw new Error('no sale');
      const [was, is] = [before, after].map((sums) => statisticsRecord(saleId, sums, 0));
      for (const kept of ['revenueMinor', 'units', 'reservations', 'byDay', 'topItems'] as const)
        expect(is?.[kept], kept).toEqual(was?.[kept]);
      expect(is).toMatchObject({ units: { sold: 2, held: 2 }, revenueMinor: 9_800 });
    } finally {
      await older.close();
    }
  });

  async function expectTrue(saleId: string): Promise<void> {
    const stats = await read(saleId);
    const rows = await house.rows<{ status: string; reservations: number; units: number; minor: number }>(
      `select status, count(*)::int as reservations, sum(units)::int as units, sum(minor)::int as minor
         from (select r.ticket_id, r.status, sum(l.quantity) as units, sum(l.quantity * l.unit_price_minor) as minor
                 from reservations r join reservation_lines l using (ticket_id)
                where r.sale_id = $1 and r.buyer_id <> '' group by 1, 2) as t group by status`,
      [saleId],
    );
    const inState = (status: string) =>
      rows.find((row) => row.status === status) ?? { reservations: 0, units: 0, minor: 0 };
    expect(stats.revenueMinor).toBe(inState('confirmed').minor);
    expect(stats.refundDueMinor).toBe(inState('refund_due').minor);
    for (const [name, status] of states) {
      expect(stats.units[name], name).toBe(inState(status).units);
      expect(stats.reservations[name], name).toBe(inState(status).reservations);
    }
    const sold = await house.rows<{ sku: string; units: number; minor: number }>(
      `select l.sku, sum(l.quantity)::int as units, sum(l.quantity * l.unit_price_minor)::int as minor
         from reservations r join reservation_lines l using (ticket_id)
        where r.sale_id = $1 and r.buyer_id <> '' and r.status = 'confirmed' group by 1 order by 3 desc`,
      [saleId],
    );
    expect(stats.topItems.map(({ sku, unitsSold, revenueMinor }) => [sku, unitsSold, revenueMinor])).toEqual(
      sold.map(({ sku, units, minor }) => [sku, units, minor]),
    );
    const rejected = await house.rows<{ reason: string; count: number }>(
      `select reason, count(*)::int as count from reservations where sale_id = $1 and status = 'rejected' group by 1`,
      [saleId],
    );
    expect(stats.rejections).toEqual(Object.fromEntries(rejected.map((row) => [row.reason, row.count])));
    await expectJournal(saleId, stats);
  }

  /** Days, holds and times from the events alone. */
  async function expectJournal(saleId: string, stats: Awaited<ReturnType<typeof read>>): Promise<void> {
    const tickets = new Map<string, { status: string; units: number; minor: number; heldAt: number }>();
    const reservedAt = new Map(
      (
        await house.rows<{ id: string; at: Date }>(
          'select ticket_id as id, reserved_at as at from reservations where sale_id = $1',
          [saleId],
        )
      ).map((row) => [row.id, row.at.getTime()]),
    );
    const days = new Map<string, [sold: number, minor: number, back: number, backMinor: number]>();
    const holds = { made: 0, confirmed: 0, expired: 0, cancelled: 0, refundDue: 0 };
    const queue: number[] = [];
    const held: number[] = [];
    for (const { type, ticketId, commandId, data, at } of await house.ledger.journal(saleId, 0, 100_000)) {
      if (ticketId === null) continue;
      const before = tickets.get(ticketId);
      const lines = data.lines ?? [];
      const now = before ?? {
        status: '',
        units: lines.reduce((sum, [, quantity]) => sum + quantity, 0),
        minor: lines.reduce((sum, [, quantity, price]) => sum + quantity * price, 0),
        heldAt: 0,
      };
      const from = now.status;
      tickets.set(ticketId, { ...now, status: type, heldAt: type === 'held' ? at : now.heldAt });
      if (type === 'held') holds.made += 1;
      if (type === 'held' && commandId === null) queue.push(at - (reservedAt.get(ticketId) ?? 0));
      if (from === 'held' && type in holds) holds[type as 'confirmed'] += 1;
      if (from === 'held' && type === 'confirmed') held.push(at - now.heldAt);
      const day = new Date(at).toISOString().slice(0, 10);
      if (type === 'confirmed' || from === 'confirmed') {
        const sums = days.get(day) ?? [0, 0, 0, 0];
        days.set(day, sums);
        const place = type === 'confirmed' ? 0 : 2;
        sums[place] = (sums[place] ?? 0) + now.units;
        sums[place + 1] = (sums[place + 1] ?? 0) + now.minor;
      }
    }
    expect(
      stats.byDay.map(({ day, unitsSold, revenueMinor, unitsGivenBack, givenBackMinor }) => [
        day,
        [unitsSold, revenueMinor, unitsGivenBack, givenBackMinor],
      ]),
    ).toEqual([...days]);
    const { made, confirmed, expired, cancelled } = holds;
    const conversion = confirmed / (confirmed + expired + cancelled);
    expect(stats.holds).toEqual({ made, confirmed, expired, cancelled, conversion });
    for (const [name, times] of [
      ['queueTimeMs', queue],
      ['holdTimeMs', held],
    ] as const) {
      const sorted = times.toSorted((a, b) => a - b);
      expect(stats[name].count, name).toBe(sorted.length);
      for (const share of [0.5, 0.95, 0.99] as const) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
        const told = stats[name][`p${share * 100}` as 'p50'] ?? 0;
        expect(Math.abs(told - exact), `${name} ${share}: ${told} for ${exact}`).toBeLessThanOrEqual(
          Math.max(1, exact * 0.035),
        );
      }
    }
  }
});

const states = [
  ['sold', 'confirmed'],
  ['held', 'held'],
  ['waiting', 'waitlisted'],
  ['returned', 'returned'],
  ['refundDue', 'refund_due'],
] as const;
