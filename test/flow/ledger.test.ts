import type { LedgerSale, RunResult } from '@holdfast/core';
import { createLedger, hashOf, journalStart, migrate } from '@holdfast/ledger';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reserve, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, until, untilDue } from '../support/sales.ts';
import { freshDatabase } from '../support/stores.ts';

const nothing: RunResult = {
  inserted: [],
  updated: [],
  events: [],
  taken: new Map(),
  returned: new Map(),
  withdrawn: new Map(),
  released: new Map(),
  waiting: 0,
  placed: [],
  drawnTo: 0,
  tallies: [],
  overdrawn: false,
};

describe('the ledger', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  async function at(saleId: string): Promise<LedgerSale> {
    const read = await house.ledger.readSale(saleId);
    if (read === null) throw new Error(`Sale ${saleId} is in the ledger`);
    return read;
  }

  const pause = (read: LedgerSale, request: { key: string; fingerprint: string } | null = null) =>
    house.ledger.changeSale(read.cursor, {
      sale: { ...read.sale, status: 'paused', termsVersion: read.sale.termsVersion + 1 },
      restocked: new Map([['tee', 1]]),
      event: {
        type: 'sale_moved',
        ticketId: null,
        commandId: null,
        data: { status: 'paused' },
        at: Date.now(),
      },
      request,
    });

  it('lets one of many changes win that were decided on the same state, and the others learn of it', async () => {
    const sale = await openTees(house, 5);
    const read = await at(sale);
    const answers = await Promise.all(Array.from({ length: 8 }, () => pause(read)));
    expect(answers.filter((answer) => answer === 'changed')).toHaveLength(1);
    for (const answer of answers) expect(['changed', 'busy', 'stale']).toContain(answer);
    expect(await pause(read), 'and so does one that comes later').toBe('stale');
    expect((await at(sale)).items.get('tee')?.stock, 'one change, one unit more').toBe(6);
    await house.commit(sale);
    await expectConservation(house, sale);
  });

  it('has the gate told of no event that came after the stock and the terms that it is told', async () => {
    const sale = await openTees(house, 5);
    const read = await at(sale);
    const locker = new pg.Client(house.databaseUrl);
    await locker.connect();
    await locker.query('begin');
    // Between the two reads of a settlement.
    await locker.query('lock table reservations in access exclusive mode');
    const settlement = house.ledger.settlement(sale, read.cursor.position - 1, 200);
    await until('the settlement to wait', async () => {
      const rows = await house.rows(
        `select 1 from pg_locks where relation = 'reservations'::regclass and not granted`,
      );
      return rows.length > 0;
    });
    expect(await pause(read)).toBe('changed');
    await locker.query('commit');
    await locker.end();
    const piece = await settlement;
    expect([piece?.toPosition, piece?.cursor.position, piece?.sale?.status]).toEqual([
      read.cursor.position,
      read.cursor.position,
      'open',
    ]);
    if (piece !== null) await house.gate.settle(piece);
    await house.commit(sale);
    expect(await house.edge.readSale(sale), 'and it hears of the rest').toMatchObject({
      sale: { status: 'paused', items: [{ available: 6 }] },
    });
  });

  it('changes nothing for a request that it has carried out', async () => {
    const sale = await openTees(house, 5);
    const request = { key: `pause ${sale}`, fingerprint: 'f' };
    expect(await pause(await at(sale), request)).toBe('changed');
    expect(await pause(await at(sale), request)).toBe('repeated');
    expect((await at(sale)).items.get('tee')?.stock).toBe(6);
    await house.commit(sale);
    await expectConservation(house, sale);
  });

  it('lets one of many creations of the same sale win', async () => {
    const { sale } = await at(await openTees(house, 5));
    const twin = { ...sale, id: 'twin' };
    const event = { type: 'sale_created', ticketId: null, commandId: null, data: {}, at: 1 } as const;
    const created = await Promise.all(
      Array.from({ length: 6 }, () => house.ledger.createSale(twin, new Map(), event)),
    );
    expect(created.filter(Boolean)).toHaveLength(1);
    expect((await at('twin')).items.get('tee'), 'an item without stock has none').toMatchObject({ stock: 0 });
    expect(await house.ledger.journal('twin', 0, 10)).toHaveLength(1);
    await house.commit('twin');
  });

  it('takes a run only from where the sale stands, and no unit more than there is', async () => {
    const sale = await openTees(house, 5);
    const read = await at(sale);
    const reached = { seq: 0, tip: read.cursor.tip, ranAt: read.cursor.ranAt + 1 };
    expect(
      await house.ledger.commitRun(
        sale,
        { ...read.cursor, revision: read.cursor.revision - 1 },
        nothing,
        reached,
      ),
    ).toEqual({ kind: 'stale' });
    const tooMany = { ...nothing, taken: new Map([['tee', 6]]) };
    expect(await house.ledger.commitRun(sale, read.cursor, tooMany, reached)).toEqual({ kind: 'stale' });
    expect(await at(sale), 'the CHECK keeps what the program forgot').toEqual(read);
    expect(await house.ledger.commitRun(sale, read.cursor, nothing, reached)).toMatchObject({
      kind: 'committed',
    });
    expect(await house.ledger.commitRun(sale, read.cursor, nothing, reached), 'once').toEqual({
      kind: 'stale',
    });
    expect((await at(sale)).cursor, 'a run without events leaves the journal where it was').toMatchObject({
      position: read.cursor.position,
      ranAt: reached.ranAt,
    });
    await expectConservation(house, sale);
  });

  it('is not waited for by a second run while a first one holds the sale', async () => {
    const sale = await openTees(house, 5);
    const read = await at(sale);
    const holder = new pg.Client(house.databaseUrl);
    await holder.connect();
    try {
      await holder.query('begin');
      await holder.query('select 1 from gates where sale_id = $1 for update', [sale]);
      const reached = { seq: 0, tip: read.cursor.tip, ranAt: 1 };
      expect(await house.ledger.commitRun(sale, read.cursor, nothing, reached)).toEqual({ kind: 'busy' });
      expect(await pause(read)).toBe('busy');
      expect(await house.ledger.fenceRebuild(sale, read.cursor, 1)).toBeNull();
    } finally {
      await holder.end();
    }
    await expectConservation(house, sale);
  });

  it('has a change or a run decided again that met a deadlock, and neither is done by half', async () => {
    const [changed, committed] = [await openTees(house, 5), await openTees(house, 5)];
    const [before, run] = [await at(changed), await at(committed)];
    const reached = { seq: 0, tip: run.cursor.tip, ranAt: 1 };
    const strangers = await Promise.all(
      [
        { sale: changed, row: 'select 1 from sales where id = $1 for update' },
        { sale: committed, row: 'select 1 from items where sale_id = $1 for update' },
      ].map(async ({ sale, row }) => {
        const client = new pg.Client(house.databaseUrl);
        await client.connect();
        // The one that gives way must be ours.
        await client.query("set deadlock_timeout = '1min'");
        await client.query('begin');
        await client.query(row, [sale]);
        return { client, sale };
      }),
    );
    const answers = Promise.all([
      pause(before),
      house.ledger.commitRun(committed, run.cursor, { ...nothing, taken: new Map([['tee', 1]]) }, reached),
    ]);
    await until('both to wait for the strangers', async () => {
      const [waiting] = await house.rows<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      );
      return waiting?.count === 2;
    });
    await Promise.all(
      strangers.map(({ client, sale }) =>
        client.query('select 1 from gates where sale_id = $1 for update', [sale]),
      ),
    );
    expect(await answers).toEqual(['stale', { kind: 'stale' }]);
    for (const { client } of strangers) await client.end();
    expect(await at(changed)).toEqual(before);
    expect(await at(committed)).toEqual(run);
    for (const sale of [changed, committed]) await expectConservation(house, sale);
  });

  it('creates all of a sale or nothing of it', async () => {
    const { sale } = await at(await openTees(house, 5));
    const event = { type: 'sale_created', ticketId: null, commandId: null, data: {}, at: 1 } as const;
    const impossible = house.ledger.createSale({ ...sale, id: 'half' }, new Map([['tee', -1]]), event);
    await expect(impossible).rejects.toThrow('Sale half could not be created');
    expect(await house.ledger.readSale('half')).toBeNull();
    expect(await house.rows('select id from sales where id = $1', ['half'])).toEqual([]);
  });

  it('ends a transaction of a frozen process, so that the sale goes on', async () => {
    const sale = await openTees(house, 5);
    const quick = createLedger({
      url: house.databaseUrl,
      statementTimeoutMs: 100,
      transactionTimeoutMs: 300,
    });
    const holder = new pg.Client(house.databaseUrl);
    holder.on('error', () => undefined);
    await holder.connect();
    try {
      await holder.query('begin');
      await holder.query('lock table items in access exclusive mode');
      await expect(quick.readSale(sale)).rejects.toThrow(/timeout/);
      await holder.query('rollback');
      const frozen = await quick
        .auditSums(sale, () => new Promise((resolve) => setTimeout(() => resolve(null), 1_000)))
        .catch((error: Error) => error);
      expect(frozen).toBeInstanceOf(Error);
      expect(await quick.readSale(sale)).not.toBeNull();
    } finally {
      await holder.end();
      await quick.close();
    }
    await expectConservation(house, sale);
  });

  it('keeps a journal that is read page by page and whose chain anyone can follow', async () => {
    const sale = await openTees(house, 20);
    for (let buyer = 0; buyer < 12; buyer++) await reserve(house.edge, sale, `b${buyer}`);
    await house.commit(sale);
    const whole = await house.ledger.journal(sale, 0, 1_000);
    const paged = [];
    for (let position = 0; ; position = paged.length) {
      const page = await house.ledger.journal(sale, position, 5);
      if (page.length === 0) break;
      paged.push(...page);
    }
    expect(paged).toEqual(whole);
    let head = journalStart;
    for await (const rows of house.ledger.journalRows(sale, whole.length + 5)) {
      for (const row of rows) {
        expect(row.hash).toBe(hashOf(sale, head, row));
        head = row.hash;
      }
    }
    expect(head).toBe((await at(sale)).cursor.head);
    await expectConservation(house, sale);
  });

  it('counts what each buyer uses, and finds what is due, the longest overdue first, no more than asked for', async () => {
    const sale = await openTees(house, 20, { holdSeconds: 1, perBuyerLimit: 5 });
    const ann = await reserve(house.edge, sale, 'ann', 2);
    await reserve(house.edge, sale, 'ann', 1);
    const bob = await reserve(house.edge, sale, 'bob', 3);
    await house.commit(sale);
    await tell(house.edge, bob, 'cancel');
    await house.commit(sale);
    expect(await house.ledger.usedUnits(sale, ['ann', 'bob', 'cem'])).toEqual(new Map([['ann', 3]]));
    await untilDue(house, sale);
    const due = await house.ledger.dueHolds(sale, Date.now() + 60_000, 1);
    expect(due.map((reservation) => reservation.ticketId)).toEqual([ann.id]);
    expect(await house.ledger.dueHolds(sale, 0, 10)).toEqual([]);
    await house.commit(sale);
    expect(await house.ledger.nextDeadline(sale)).toBeNull();
    expect(await house.ledger.readReservations(sale, [])).toEqual([]);
    expect(await house.ledger.knownTickets([])).toEqual(new Set());
    expect(await house.ledger.knownTickets([ann.id, 'unknown'])).toEqual(new Set([ann.id]));
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 3, expired: 3 } });
  });

  it('records refusals as the highest count that it was told', async () => {
    const sale = await openTees(house, 5);
    for (const count of [3, 9, 4])
      await house.ledger.recordRefusals(sale, [{ minute: 60_000, reason: 'sold_out', count }]);
    await house.ledger.recordRefusals(sale, [{ minute: 120_000, reason: 'sold_out', count: 1 }]);
    await house.ledger.recordRefusals(sale, []);
    expect(await house.ledger.refusalsByReason(sale)).toEqual(new Map([['sold_out', 10]]));
    await expectConservation(house, sale);
  });

  it('sums an audit at one instant, and not at all when the gate has moved on', async () => {
    const sale = await openTees(house, 5, {
      items: [
        { sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 1, stock: 5 },
        { sku: 'hat', name: 'Hat', description: null, imageUrl: null, priceMinor: 1, stock: 5 },
      ],
    });
    await reserve(house.edge, sale, 'ann', 2);
    const gone = await reserve(house.edge, sale, 'bob', 1);
    await house.commit(sale);
    await tell(house.edge, gone, 'cancel');
    const audit = await house.ledger.auditSums(sale, async () => {
      await house.commit(sale);
      return 'seen';
    });
    if (audit === null || audit === 'moved') throw new Error('The sale can be audited');
    expect(audit.seen).toBe('seen');
    expect(audit.sums.unitsInRows, 'as it was before the look').toEqual(new Map([['tee', 3]]));
    expect(audit.sums).toMatchObject({ mostUnitsOfABuyer: 2, eventCount: audit.sums.lastPosition });
    expect(await house.ledger.auditSums(sale, async () => null)).toBe('moved');
    expect(await house.ledger.auditSums('no-such-sale', async () => 1)).toBeNull();
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 1, held: 2 } });
  });

  it('answers for a sale that it does not have with nothing at all', async () => {
    expect(await house.ledger.readSale('no-such-sale')).toBeNull();
    expect(await house.ledger.settlement('no-such-sale', 0, 10)).toBeNull();
    expect(await house.ledger.journal('no-such-sale', 0, 10)).toEqual([]);
    expect(await house.ledger.ticketStory('nonsense')).toBeNull();
    expect(await house.ledger.nextDeadline('no-such-sale')).toBeNull();
  });
});

describe('a migration', () => {
  it('of a database that is up to date changes nothing, from however many processes at once', async () => {
    const url = await freshDatabase();
    expect(await Promise.all([migrate(url), migrate(url), migrate(url)])).toEqual([[], [], []]);
  });

  it('says so when it cannot be done, and leaves what is there', async () => {
    const url = await freshDatabase();
    const client = new pg.Client(url);
    await client.connect();
    await client.query('delete from kysely_migration');
    await expect(migrate(url)).rejects.toThrow('The database could not be migrated');
    const { rows } = await client.query(
      'select count(*)::int as tables from pg_tables where schemaname = $1',
      ['public'],
    );
    expect(rows[0].tables).toBeGreaterThan(5);
    await client.end();
  });
});
