import type { Cursor, Settlement, WorkerGate } from '@holdfast/core';
import { type CommittedBatch, createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, emptyRedis, Killed, withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, untilDue } from '../support/sales.ts';

describe('the gate, told what the ledger decided', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  async function journalOf(saleId: string, from = 0): Promise<Settlement> {
    const settlement = await house.ledger.settlement(saleId, from, 1_000);
    if (settlement === null) throw new Error(`Sale ${saleId} has a journal`);
    return settlement;
  }

  const withCursor = (settlement: Settlement, change: Partial<Cursor>): Settlement => ({
    ...settlement,
    cursor: { ...settlement.cursor, ...change },
  });

  it('takes nothing from a ledger that it does not continue', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    await tell(house.edge, ann, 'cancel');
    const run = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'settle', 'before') });
    await expect(run.commitSale(sale)).rejects.toThrow(Killed);
    const before = await house.gate.counts(sale, 0);
    const good = await journalOf(sale);
    const refusals: [string, Settlement, object][] = [
      [
        'of another epoch',
        withCursor(good, { epoch: good.cursor.epoch + 1 }),
        { kind: 'refused', why: 'epoch' },
      ],
      ['that is ahead', withCursor(good, { committedSeq: 99 }), { kind: 'refused', why: 'behind' }],
      ['of another chain', withCursor(good, { tip: 'f'.repeat(40) }), { kind: 'refused', why: 'chain' }],
      [
        'with events between',
        { ...good, fromPosition: good.toPosition },
        { kind: 'gap', journalPosition: before?.journalPosition },
      ],
    ];
    for (const [what, settlement, answer] of refusals)
      expect(await house.gate.settle(settlement), what).toEqual(answer);
    expect(await house.gate.settle({ ...good, saleId: 'no-such-sale' })).toEqual({
      kind: 'refused',
      why: 'closed',
    });
    expect({ ...(await house.gate.counts(sale, 0)), now: 0 }).toEqual({ ...before, now: 0 });
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    await house.commit(sale);
    expect(await statuses(house.edge, ann)).toEqual(['cancelled']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 1, held: 1 } });
  });

  it('takes nothing when its anchor is gone and what follows does not continue the chain', async () => {
    const sale = await openTees(house, 5);
    await reserve(house.edge, sale, 'ann');
    const run = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'settle', 'before') });
    await expect(run.commitSale(sale)).rejects.toThrow(Killed);
    await reserve(house.edge, sale, 'bob');
    const good = await journalOf(sale);
    await withRedis(house, (redis) => redis.xdel(`{s0}:intake:${sale}`, '1-0'));
    expect(await house.gate.settle(withCursor(good, { tip: 'f'.repeat(40) }))).toEqual({
      kind: 'refused',
      why: 'chain',
    });
    expect(await house.gate.settle(good), 'the next entry proves the chain as well').toMatchObject({
      kind: 'settled',
    });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
  });

  it('is closed to settlement while it has lost its memory', async () => {
    const sale = await openTees(house, 5);
    await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const settlement = await journalOf(sale);
    await emptyRedis(house);
    expect(await house.gate.settle(settlement)).toEqual({ kind: 'refused', why: 'closed' });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('hears of hundreds of tickets in pieces, from the journal, when the run died before telling it', async () => {
    const sale = await openTees(house, 650);
    const tickets = await Promise.all(
      Array.from({ length: 650 }, (_, index) => reserve(house.edge, sale, `b${index}`)),
    );
    const run = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'settle', 'before') });
    await expect(run.commitSale(sale)).rejects.toThrow(Killed);
    expect(await statuses(house.edge, ...tickets.slice(0, 3))).toEqual(['queued', 'queued', 'queued']);
    await house.redis.kill();
    await house.redis.restart();
    await house.commit(sale);
    expect(new Set(await statuses(house.edge, ...tickets))).toEqual(new Set(['held']));
    const counts = await house.gate.counts(sale, 0);
    expect(counts?.depth, 'decided entries leave the intake, but for the anchor').toBe(650);
    expect(await withRedis(house, (redis) => redis.xlen(`{s0}:intake:${sale}`))).toBe(1);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 650 } });
  });

  it('asks for a piece that was lost on its way, and tells every buyer in the end', async () => {
    const sale = await openTees(house, 650);
    const tickets = await Promise.all(
      Array.from({ length: 650 }, (_, index) => reserve(house.edge, sale, `b${index}`)),
    );
    let pieces = 0;
    const lossy: WorkerGate = {
      ...house.gate,
      async settle(settlement) {
        pieces++;
        return pieces === 2 ? { kind: 'refused', why: 'lost' } : house.gate.settle(settlement);
      },
    };
    await createCommitter({ ledger: house.ledger, gate: lossy }).commitSale(sale);
    expect(pieces).toBeGreaterThan(4);
    expect(new Set(await statuses(house.edge, ...tickets))).toEqual(new Set(['held']));
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 650 } });
  });

  it('is left to the sweep when it takes no piece, and nothing is lost by it', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    let pieces = 0;
    const deaf: WorkerGate = {
      ...house.gate,
      async settle({ fromPosition }) {
        pieces++;
        return { kind: 'gap', journalPosition: fromPosition };
      },
    };
    await createCommitter({ ledger: house.ledger, gate: deaf }).commitSale(sale);
    expect(pieces, 'a run does not knock for ever').toBeLessThan(50);
    expect(await statuses(house.edge, ann)).toEqual(['queued']);
    await house.commit(sale);
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('hears of holds that lapse by the hundreds while nobody buys', async () => {
    const sale = await openTees(house, 250, { holdSeconds: 1 });
    const tickets = await Promise.all(
      Array.from({ length: 250 }, (_, index) => reserve(house.edge, sale, `b${index}`)),
    );
    await house.commit(sale);
    await untilDue(house, sale);
    const batches: CommittedBatch[] = [];
    await createCommitter({
      ledger: house.ledger,
      gate: house.gate,
      onCommit: (batch) => void batches.push(batch),
    }).commitSale(sale);
    expect(batches.reduce((sum, batch) => sum + batch.expired, 0)).toBe(250);
    expect(batches[0]).toMatchObject({ saleId: sale, entries: 0, oldestAgeMs: 0 });
    expect(new Set(await statuses(house.edge, ...tickets))).toEqual(new Set(['expired']));
    expect(await expectConservation(house, sale)).toEqual({ tee: { expired: 250 } });
  });
});

describe('an entry whose ticket the ledger has already', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('hands its units back and its buyer the claim, among others that stand', async () => {
    const sale = await openTees(house, 3, { perBuyerLimit: 2 });
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await admitAgain(house, sale, ann.id);
    const bob = await reserve(house.edge, sale, 'bob');
    expect(
      (await house.gate.counts(sale, 1))?.items,
      'the gate gave a unit twice to one ticket',
    ).toMatchObject([{ admitted: 3 }]);
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'held']);
    await reserve(house.edge, sale, 'ann');
    expect(await ask(house.edge, sale, 'ann'), 'her limit is two, and no less').toMatchObject({
      code: 'limit_reached',
    });
    await house.commit(sale);
    const events = await house.ledger.journal(sale, 0, 100);
    expect(events.filter((event) => event.type === 'handed_back')).toMatchObject([{ ticketId: ann.id }]);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 3 } });
  });

  it('hands the house its units back', async () => {
    const sale = await openTees(house, 5);
    expect(await house.desk.withdraw(sale, 'tee', 2, { key: 'k', fingerprint: 'f' })).toMatchObject({
      kind: 'done',
    });
    const [withdrawal] = await house.rows<{ id: string }>(
      'select ticket_id as id from reservations where sale_id = $1',
      [sale],
    );
    await withRedis(house, (redis) => redis.del(`{s0}:ticket:${withdrawal?.id}`));
    expect(await house.gate.withdraw(sale, withdrawal?.id ?? '', 'tee', 2)).toMatchObject({
      kind: 'admitted',
      replayed: false,
    });
    await house.commit(sale);
    expect(await house.edge.readSale(sale)).toMatchObject({ sale: { items: [{ available: 3, stock: 3 }] } });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 2 } });
  });
});

describe('one process asked many times to commit a sale', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it('never works on it twice at a time, and each call sees what was admitted before it', async () => {
    const sale = await openTees(house, 500);
    let inside = 0;
    let most = 0;
    const watched: WorkerGate = {
      ...house.gate,
      async readIntake(...args) {
        inside++;
        most = Math.max(most, inside);
        const answer = await house.gate.readIntake(...args);
        inside--;
        return answer;
      },
    };
    const committer = createCommitter({ ledger: house.ledger, gate: watched });
    let behind = 0;
    await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (let turn = 0; turn < 25; turn++) {
          const ticket = await reserve(house.edge, sale, `${lane}-${turn}`);
          await committer.commitSale(sale);
          await committer.commitSale(sale);
          if ((await read(house.edge, ticket)).status !== 'held') behind++;
        }
      }),
    );
    expect(most).toBe(1);
    expect(behind).toBe(0);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 200 } });
  });

  it('gives a call that comes during a failing run a run of its own', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    const committer = createCommitter({
      ledger: house.ledger,
      gate: dying(house.gate, 'readIntake', 'before'),
    });
    const [first, second, third] = await Promise.allSettled([
      committer.commitSale(sale),
      committer.commitSale(sale),
      committer.commitSale(sale),
    ]);
    expect(first).toMatchObject({ status: 'rejected' });
    expect(second).toMatchObject({ status: 'fulfilled', value: { kind: 'at_end', entries: 1 } });
    expect(third, 'those who came during one run share the next').toEqual(second);
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    expect(await committer.commitSale('no-such-sale')).toMatchObject({ kind: 'unknown_sale' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('finds its way when the ledger moved on between its two reads', async () => {
    const sale = await openTees(house, 5);
    const stale = await house.ledger.readSale(sale);
    await emptyRedis(house);
    await house.commit(sale);
    const ann = await reserve(house.edge, sale, 'ann');
    let reads = 0;
    const committer = createCommitter({
      gate: house.gate,
      ledger: {
        ...house.ledger,
        readSale: async (saleId) => (reads++ === 0 ? stale : house.ledger.readSale(saleId)),
      },
    });
    expect(await committer.commitSale(sale)).toMatchObject({ kind: 'at_end', entries: 1 });
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('leaves a sale to another process that holds it, which commits everything', async () => {
    const sale = await openTees(house, 5);
    await reserve(house.edge, sale, 'ann');
    const meets = { ...house.ledger, commitRun: async () => ({ kind: 'busy' as const }) };
    expect(await createCommitter({ ledger: meets, gate: house.gate }).commitSale(sale)).toMatchObject({
      kind: 'left',
      entries: 0,
    });
    const loses = { ...house.ledger, commitRun: async () => ({ kind: 'stale' as const }) };
    expect(await createCommitter({ ledger: loses, gate: house.gate }).commitSale(sale)).toMatchObject({
      kind: 'left',
      entries: 0,
    });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });
});

/** The gate takes ann's ticket again, as for a call that is sent again after its ticket has left Redis. */
async function admitAgain(house: House, saleId: string, ticketId: string): Promise<void> {
  const keys = [
    `{s0}:sale:${saleId}`,
    `{s0}:intake:${saleId}`,
    `{s0}:buyers:${saleId}`,
    `{s0}:ticket:${ticketId}`,
  ];
  await withRedis(house, (redis) =>
    redis.eval(
      `local sale = redis.call('HMGET', KEYS[1], 'seq', 'tip', 'time', 'lined')
       local seq, lined = string.format('%.0f', sale[1] + 1), string.format('%.0f', sale[4] + 1)
       local entry = table.concat({ 'reserve', ARGV[1], '[["tee",1,4900]]', '', '1', sale[3], lined }, '\\n')
       local tip = redis.sha1hex(sale[2] .. '\\n' .. entry)
       redis.call('XADD', KEYS[2], seq .. '-0', 'e', '2\\nann\\n\\n\\n' .. entry, 'h', tip)
       redis.call('HSET', KEYS[1], 'seq', seq, 'tip', tip, 'lined', lined)
       redis.call('HINCRBY', KEYS[1], 'admitted:tee', 1)
       redis.call('HINCRBY', KEYS[3], 'c:ann', 1)
       redis.call('SET', KEYS[4], table.concat({ '1', '', 'queued', '', '', seq, '1', sale[3], lined, tip, 'ann',
         '[["tee",1,4900]]', '' }, '\\n'))`,
      keys.length,
      ...keys,
      ticketId,
    ),
  );
}
