import type { RebuildSource, Ticket } from '@holdfast/core';
import { createWorkerGate } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import { createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, emptyRedis, Killed, rememberGate, withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, openTees, until, untilDue } from '../support/sales.ts';

describe('a gate that is rebuilt', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  /** Moves the sale to a new epoch in the ledger, as a worker does that is then free to die. */
  async function fence(saleId: string): Promise<RebuildSource> {
    const at = await house.ledger.readSale(saleId);
    const source = at === null ? null : await house.ledger.fenceRebuild(saleId, at.cursor, at.cursor.epoch);
    if (source === null) throw new Error(`Sale ${saleId} could not be fenced`);
    return source;
  }

  async function whole(saleId: string): Promise<unknown> {
    const at = await house.ledger.readSale(saleId);
    const counts = await house.gate.counts(saleId, at?.cursor.committedSeq ?? 0);
    return { ...counts, now: null };
  }

  it('carries over what the ledger had not seen: tickets in their order, commands, and the places of those who wait', async () => {
    const sale = await openTees(house, 3, { waitlist: true });
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const bob = await reserve(house.edge, sale, 'bob');
    const cem = await reserve(house.edge, sale, 'cem');
    const couple = await reserve(house.edge, sale, 'dee', 2);
    await tell(house.edge, ann, 'confirm', { paymentRef: 'paid by ann' });
    await tell(house.edge, ann, 'extend', { seconds: 60 });
    await tell(house.edge, bob, 'confirm');
    expect(await house.gate.rebuild(await fence(sale))).toBe('rebuilt');
    expect(await statuses(house.edge, ann, bob, cem, couple)).toEqual(['held', 'queued', 'queued', 'queued']);
    expect(await ask(house.edge, sale, 'eve'), 'whoever comes now is behind them').toMatchObject({
      kind: 'admitted',
    });
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem, couple)).toEqual([
      'confirmed',
      'confirmed',
      'held',
      'waitlisted',
    ]);
    const journal = await house.ledger.journal(sale, 0, 100);
    const line = journal.filter((event) => event.data.lines !== undefined).map((event) => event.ticketId);
    expect(line.slice(0, 4)).toEqual([ann.id, bob.id, cem.id, couple.id]);
    expect(journal.find((event) => event.type === 'confirmed')?.data.paymentRef).toBe('paid by ann');
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 2, held: 1, waitlisted: 3 } });
  });

  it('carries over hundreds, in pieces, each with its unit', async () => {
    const sale = await openTees(house, 450);
    await Promise.all(Array.from({ length: 450 }, (_, index) => reserve(house.edge, sale, `b${index}`)));
    expect(await house.gate.rebuild(await fence(sale))).toBe('rebuilt');
    expect(await ask(house.edge, sale, 'late')).toMatchObject({ code: 'sold_out' });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 450 } });
  });

  it('has all of a sale that is larger than one page of the ledger', async () => {
    const sale = await openTees(house, 1_200, { perBuyerLimit: 1 });
    await Promise.all(Array.from({ length: 1_150 }, (_, index) => reserve(house.edge, sale, `b${index}`)));
    await house.commit(sale);
    await emptyRedis(house);
    await house.commit(sale);
    for (const buyer of ['b0', 'b999', 'b1000', 'b1149'])
      expect(await ask(house.edge, sale, buyer), buyer).toMatchObject({ code: 'limit_reached' });
    expect(await house.edge.readSale(sale)).toMatchObject({ sale: { items: [{ available: 50 }] } });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1_150 } });
  });

  it('is rebuilt when it gave a unit that there never was; whoever got it is told, and nobody after them', async () => {
    const sale = await openTees(house, 1);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await withRedis(house, (redis) => redis.hincrby(`{s0}:sale:${sale}`, 'ceiling:tee', 2));
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'rejected']);
    expect(await read(house.edge, bob)).toMatchObject({ reason: 'sold_out' });
    expect(await buy(house.edge, sale, 'cem')).toBeNull();
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1, rejected: 1 } });
  });

  it('that came back from an old file gives carried-over tickets units while they last; the others are told', async () => {
    const sale = await openTees(house, 3, { perBuyerLimit: 1 });
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const putBack = await rememberGate(house);
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    await putBack();
    expect(await house.edge.readTicket(bob.id), 'the old file has not heard of bob').toMatchObject({
      code: 'unknown_ticket',
    });
    const dee = await ask(house.edge, sale, 'dee', 1, 'key of dee');
    const eve = await ask(house.edge, sale, 'eve', 1, 'key of eve');
    if (dee.kind === 'refused' || eve.kind === 'refused') throw new Error('The old file has two units left');
    await tell(house.edge, dee.ticket, 'confirm');
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, dee.ticket, eve.ticket)).toEqual([
      'held',
      'held',
      'confirmed',
      'rejected',
    ]);
    expect(await read(house.edge, eve.ticket)).toMatchObject({ reason: 'sold_out' });
    expect(await ask(house.edge, sale, 'dee', 1, 'key of dee'), 'keys are carried over').toMatchObject({
      kind: 'admitted',
      replayed: true,
      ticket: { id: dee.ticket.id, status: 'confirmed' },
    });
    expect(await ask(house.edge, sale, 'dee'), 'so are claims').toMatchObject({ code: 'limit_reached' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, held: 2, rejected: 1 } });
  });

  it('that came back from an old file notices that it gave a unit twice, though as many entries came as were lost', async () => {
    const sale = await openTees(house, 2);
    const putBack = await rememberGate(house);
    const ann = await reserve(house.edge, sale, 'ann');
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    await putBack();
    const cem = await reserve(house.edge, sale, 'cem');
    const dee = await reserve(house.edge, sale, 'dee');
    expect((await house.gate.peek([sale])).get(sale)?.seq).toBe(2);
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem, dee)).toEqual(['held', 'held', 'rejected', 'rejected']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2, rejected: 2 } });
  });

  it('keeps the limit of every buyer, what each gave back, and every key', async () => {
    const sale = await openTees(house, 10, { perBuyerLimit: 2 });
    const first = await ask(house.edge, sale, 'ann', 1, 'key 1');
    const second = await reserve(house.edge, sale, 'ann');
    if (first.kind === 'refused') throw new Error(first.code);
    await house.commit(sale);
    await tell(house.edge, second, 'cancel');
    await house.commit(sale);
    await emptyRedis(house);
    expect(await ask(house.edge, sale, 'ann'), 'empty, it sells nothing').toMatchObject({
      code: 'gate_unavailable',
    });
    await house.commit(sale);
    const again = await ask(house.edge, sale, 'ann', 1, 'key 1');
    expect(again).toMatchObject({
      kind: 'admitted',
      replayed: true,
      ticket: { id: first.ticket.id, status: 'held' },
    });
    expect(await ask(house.edge, sale, 'ann', 2, 'key 1')).toMatchObject({ code: 'idempotency_mismatch' });
    await reserve(house.edge, sale, 'ann');
    expect(await ask(house.edge, sale, 'ann')).toMatchObject({ code: 'limit_reached' });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 1, held: 2 } });
  });

  it('shows every ticket as it was, in every status, with the outcome of every command', async () => {
    const sale = await openTees(house, 5, { waitlist: true, holdSeconds: 1 });
    const lapsed = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await untilDue(house, sale);
    await house.commit(sale);
    await house.desk.change(sale, { holdSeconds: 300 }, null);
    const held = await reserve(house.edge, sale, 'bob', 2);
    const paid = await reserve(house.edge, sale, 'cem');
    const cancelled = await reserve(house.edge, sale, 'dee');
    expect(await house.desk.withdraw(sale, 'tee', 1, null)).toMatchObject({ kind: 'done' });
    await tell(house.edge, cancelled, 'cancel');
    await house.commit(sale);
    await tell(house.edge, held, 'extend', { seconds: 60 });
    await tell(house.edge, paid, 'confirm', { paymentRef: 'paid' });
    await tell(house.edge, lapsed, 'confirm', { paymentRef: 'late' });
    await house.commit(sale);
    const waiting = await reserve(house.edge, sale, 'eve', 4);
    await house.commit(sale);
    const tickets = [lapsed, held, paid, cancelled, waiting];
    const before = await Promise.all(tickets.map((ticket) => read(house.edge, ticket)));
    expect(before.map((ticket) => ticket.status)).toEqual([
      'confirmed',
      'held',
      'confirmed',
      'cancelled',
      'waitlisted',
    ]);
    await emptyRedis(house);
    await house.commit(sale);
    expect(await Promise.all(tickets.map((ticket) => read(house.edge, ticket)))).toEqual(before);
    expect(
      await tell(house.edge, paid, 'confirm', { paymentRef: 'paid' }),
      'the same payment has the same answer',
    ).toMatchObject({
      kind: 'decided',
      outcome: 'ok',
    });
    await expectConservation(house, sale);
  });

  it.each(['claims', 'restored', 'released', 'unknownOf'] as const)(
    'changes nothing when a newer rebuild overtakes it at its %s',
    async (stage) => {
      const sale = await openTees(house, 10);
      const ann = await reserve(house.edge, sale, 'ann');
      const bob = await reserve(house.edge, sale, 'bob');
      await house.commit(sale);
      await tell(house.edge, ann, 'cancel');
      await house.commit(sale);
      const cem = await reserve(house.edge, sale, 'cem');
      const older = await fence(sale);
      let after: unknown;
      const overtake = async () => {
        expect(await house.gate.rebuild(await fence(sale))).toBe('rebuilt');
        after = await whole(sale);
      };
      const source = {
        ...older,
        ...(stage === 'unknownOf'
          ? {
              unknownOf: async (entries: Parameters<RebuildSource['unknownOf']>[0]) => {
                const unknown = await older.unknownOf(entries);
                await overtake();
                return unknown;
              },
            }
          : { [stage]: overtakenWhile(older[stage] as AsyncIterable<unknown>, overtake) }),
      } as RebuildSource;
      expect(await house.gate.rebuild(source)).toBe('superseded');
      expect(await whole(sale)).toEqual(after);
      expect(await house.gate.rebuild(older), 'nor when it comes late').toBe('superseded');
      expect(await whole(sale)).toEqual(after);
      await house.commit(sale);
      expect(await statuses(house.edge, ann, bob, cem)).toEqual(['cancelled', 'held', 'held']);
      expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 1, held: 2 } });
    },
  );

  it('has limits and keys, though an earlier rebuild had staged them and died', async () => {
    const sale = await openTees(house, 10, { perBuyerLimit: 1 });
    const ann = await ask(house.edge, sale, 'ann', 1, 'key of ann');
    await house.commit(sale);
    const restored = overtakenWhile((await fence(sale)).restored, () =>
      Promise.reject(new Killed('restored')),
    );
    await expect(house.gate.rebuild({ ...(await fence(sale)), restored })).rejects.toThrow(Killed);
    expect(await house.gate.rebuild(await fence(sale))).toBe('rebuilt');
    await house.commit(sale);
    expect(await ask(house.edge, sale, 'ann', 1, 'key of ann')).toMatchObject({
      replayed: true,
      ticket: { id: ann.kind === 'refused' ? '' : ann.ticket.id },
    });
    expect(await ask(house.edge, sale, 'ann')).toMatchObject({ code: 'limit_reached' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('is not put in place by a rebuild under which Redis was emptied: what that one staged is older than the ledger', async () => {
    const sale = await openTees(house, 10);
    await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const at = await house.ledger.readSale(sale);
    if (at === null) throw new Error('The sale is in the ledger');
    const source = await house.ledger.fenceRebuild(sale, at.cursor, at.cursor.epoch);
    if (source === null) throw new Error('Nobody else rebuilds');
    const emptied = overtakenWhile(source.claims, () => emptyRedis(house));
    expect(await house.gate.rebuild({ ...source, claims: emptied })).toBe('superseded');
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it.each(['claims', 'restored'] as const)(
    'is not put in place when Redis loses meanwhile what was staged since %s were read, and is rebuilt anew',
    async (since) => {
      const sale = await openTees(house, 10, { perBuyerLimit: 1 });
      const asked = await ask(house.edge, sale, 'ann', 1, 'key of ann');
      if (asked.kind === 'refused') throw new Error(asked.code);
      const ann = asked.ticket;
      await house.commit(sale);
      const bob = await reserve(house.edge, sale, 'bob');
      const source = await fence(sale);
      let setBack = () => Promise.resolve();
      const remember = async () => {
        setBack = await rememberGate(house);
      };
      const torn: RebuildSource = {
        ...source,
        [since]: overtakenWhile<unknown>(source[since], remember),
        async unknownOf(entries) {
          await setBack();
          return source.unknownOf(entries);
        },
      };
      expect(await house.gate.rebuild(torn)).toBe('torn');
      expect(await house.edge.readTicket(ann.id)).toMatchObject({ code: 'gate_unavailable' });
      const worker = await house.addWorker();
      await atRest(house, sale);
      await worker.close();
      expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'held']);
      expect(await ask(house.edge, sale, 'ann', 1, 'key of ann')).toMatchObject({
        replayed: true,
        ticket: { id: ann.id },
      });
      expect(await ask(house.edge, sale, 'ann')).toMatchObject({ code: 'limit_reached' });
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
    },
    60_000,
  );

  it('is rebuilt by exactly one of many workers that noticed', async () => {
    const sale = await openTees(house, 10);
    await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const at = await house.ledger.readSale(sale);
    if (at === null) throw new Error('The sale is in the ledger');
    const sources = await Promise.all(
      Array.from({ length: 8 }, () => house.ledger.fenceRebuild(sale, at.cursor, at.cursor.epoch)),
    );
    const won = sources.filter((source) => source !== null);
    expect(won).toHaveLength(1);
    expect(await house.gate.rebuild(won[0] as RebuildSource)).toBe('rebuilt');
    expect(
      await house.ledger.fenceRebuild(sale, at.cursor, at.cursor.epoch),
      'a late one finds it done',
    ).toBeNull();
    expect(await house.ledger.fenceRebuild('no-such-sale', at.cursor, 1)).toBeNull();
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('is rebuilt again when the worker died between the new epoch and the gate, and nothing was sold in between', async () => {
    const sale = await openTees(house, 2);
    await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await fence(sale);
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    expect(await statuses(house.edge, bob)).toEqual(['held']);
    expect(await ask(house.edge, sale, 'cem')).toMatchObject({ code: 'sold_out' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
  });

  it('keeps its buyers out while the work is under way, and the sweep finishes what a dead worker left', async () => {
    const sale = await openTees(house, 10);
    const ann = await reserve(house.edge, sale, 'ann');
    const source = await fence(sale);
    const dead = {
      ...source,
      unknownOf: () => Promise.reject(new Killed('in the middle of a rebuild')),
    };
    await expect(house.gate.rebuild(dead)).rejects.toThrow(Killed);
    expect(await ask(house.edge, sale, 'bob')).toMatchObject({ code: 'gate_unavailable' });
    expect(await house.edge.readTicket(ann.id)).toMatchObject({ code: 'gate_unavailable' });
    expect(await house.edge.readSale(sale)).toMatchObject({ code: 'gate_unavailable' });
    expect(await tell(house.edge, ann, 'cancel')).toMatchObject({ code: 'gate_unavailable' });
    expect(await house.edge.listSales()).toMatchObject({ code: 'gate_unavailable' });
    await house.commit(sale);
    expect((await house.gate.peek([sale])).get(sale)?.rebuilding, 'a run leaves it to whoever began').toBe(
      source.cursor.epoch,
    );
    const worker = await house.addWorker();
    await atRest(house, sale);
    await worker.close();
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('tells nobody that a ticket is unknown while an emptied gate is being rebuilt, whatever is asked of it', async () => {
    const sale = await openTees(house, 2);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await emptyRedis(house);
    const dead = {
      ...(await fence(sale)),
      claims: (async function* () {
        yield await Promise.reject(new Killed('in the middle of a rebuild'));
      })(),
    };
    await expect(house.gate.rebuild(dead)).rejects.toThrow(Killed);
    // Another worker finds every sale at the gate, and opens the shard.
    await house.gate.markBooted('0');
    for (const kind of ['confirm', 'cancel', 'extend'] as const)
      expect(await tell(house.edge, ann, kind), kind).toMatchObject({ code: 'gate_unavailable' });
    expect(await house.edge.readTicket(ann.id)).toMatchObject({ code: 'gate_unavailable' });
    expect(await house.gate.command(ann.id, 'cancel', 'a command')).toMatchObject({
      code: 'gate_unavailable',
    });
    expect(await house.gate.rebuild(await fence(sale))).toBe('rebuilt');
    await tell(house.edge, ann, 'confirm');
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1 } });
  });

  it('loses no unit, and nobody, with an entry that is lost from the middle of its intake', async () => {
    const sale = await openTees(house, 3);
    const [ann, bob, cem] = [
      await reserve(house.edge, sale, 'ann'),
      await reserve(house.edge, sale, 'bob'),
      await reserve(house.edge, sale, 'cem'),
    ];
    await withRedis(house, (redis) => redis.xdel(`{s0}:intake:${sale}`, `${bob.seq}-0`));
    await house.commit(sale);
    expect(await statuses(house.edge, ann, cem)).toEqual(['held', 'held']);
    await until(
      'the edge that gave bob his place to have queued him again',
      async () => (await house.edge.readTicket(bob.id)).kind === 'ticket',
    );
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob, cem)).toEqual(['held', 'held', 'held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 3 } });
  });

  it.each([
    ['all of its intake', (redisKey: string) => ['del', `{s0}:intake:${redisKey}`]],
    ['its tip', (redisKey: string) => ['hset', `{s0}:sale:${redisKey}`, 'tip', 'f'.repeat(40)]],
    ['its place in line', (redisKey: string) => ['hset', `{s0}:sale:${redisKey}`, 'seq', '1']],
    ['the whole sale', (redisKey: string) => ['del', `{s0}:sale:${redisKey}`]],
  ])('notices that it lost %s, and gives no unit twice', async (_, damage) => {
    const sale = await openTees(house, 3);
    await reserve(house.edge, sale, 'ann');
    await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    await reserve(house.edge, sale, 'cem');
    const [command, ...args] = damage(sale) as [string, ...string[]];
    await withRedis(house, (redis) => redis.call(command, ...args));
    await house.commit(sale);
    await until('the gate to be sold out', async () => (await buy(house.edge, sale, 'eve')) === null);
    await house.commit(sale);
    const units = await expectConservation(house, sale);
    expect(units['tee']?.['held']).toBe(3);
  });

  it('refuses to guess at an entry of a form that it does not know', async () => {
    const sale = await openTees(house, 3);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const packed = `9\nbob\n\nid\nreserve\n${ann.id}\n[]\n\n1\n1\n1`;
    await appendEntry(house, sale, packed);
    await house.commit(sale);
    expect((await house.ledger.readSale(sale))?.cursor.committedSeq).toBe(1);
    expect(await house.gate.rebuild(await fence(sale)), 'a rebuild leaves it out').toBe('rebuilt');
    const bob = await reserve(house.edge, sale, 'bob');
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
  });

  it('is left to a newer program while it holds an entry of one', async () => {
    const sale = await openTees(house, 3);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    await appendEntry(house, sale, `9\nbob\n\nid\nreserve\n${ann.id}\n[]\n\n1\n${Date.now()}\n1`);
    await expect(house.gate.rebuild(await fence(sale))).rejects.toThrow(/written by a newer program/);
  });
});

describe('a shard that lost its memory', () => {
  it('is opened by several workers at once, and every ticket of every sale stands', async () => {
    const house = await openHouse({ workers: 0 });
    try {
      const sales = await Promise.all(Array.from({ length: 12 }, () => openTees(house, 5)));
      const tickets: Ticket[] = [];
      for (const sale of sales) {
        tickets.push(await reserve(house.edge, sale, 'ann'));
        await house.commit(sale);
      }
      await emptyRedis(house);
      const workers = await Promise.all(
        Array.from({ length: 4 }, async () => ({
          ledger: createLedger({ url: house.databaseUrl, maxConnections: 2 }),
          gate: await createWorkerGate({ redisUrl: house.redis.url }),
        })),
      );
      const rebuilt: string[] = [];
      await Promise.all(
        workers.map(async (worker, index) => {
          const committer = createCommitter({
            ...worker,
            onRebuild: (saleId, _why, outcome) => void (outcome === 'rebuilt' && rebuilt.push(saleId)),
          });
          await committer.commitSale(sales[index] as string);
        }),
      );
      await Promise.all(workers.flatMap((worker) => [worker.gate.close(), worker.ledger.close()]));
      for (const sale of sales) await house.commit(sale);
      expect(await house.gate.isBooted('0')).toBe(true);
      expect(new Set(rebuilt).size).toBe(sales.length);
      expect(await statuses(house.edge, ...tickets)).toEqual(sales.map(() => 'held'));
      for (const sale of sales) expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
    } finally {
      await house.close();
    }
  });

  it('stays closed while a sale has no gate, and leaves gates alone that agree with the ledger', async () => {
    const house = await openHouse({ workers: 0 });
    try {
      const kept = await openTees(house, 5);
      const lost = await openTees(house, 5);
      await reserve(house.edge, kept, 'ann');
      await house.commit(kept);
      await withRedis(house, (redis) => redis.del('{s0}:boot', `{s0}:sale:${lost}`));
      const halfWay = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'rebuild', 'before') });
      await expect(halfWay.commitSale(kept)).rejects.toThrow(Killed);
      expect(await house.gate.isBooted('0')).toBe(false);
      const epoch = (await house.ledger.readSale(kept))?.cursor.epoch;
      await house.commit(kept);
      expect(await house.gate.isBooted('0')).toBe(true);
      expect((await house.ledger.readSale(kept))?.cursor.epoch).toBe(epoch);
      await reserve(house.edge, lost, 'bob');
      await house.commit(lost);
      expect(await expectConservation(house, kept)).toEqual({ tee: { held: 1 } });
      expect(await expectConservation(house, lost)).toEqual({ tee: { held: 1 } });
    } finally {
      await house.close();
    }
  });
});

async function* overtakenWhile<Page>(
  pages: AsyncIterable<Page>,
  overtake: () => Promise<void>,
): AsyncGenerator<Page> {
  let done = false;
  for await (const page of pages) {
    if (!done) await overtake();
    done = true;
    yield page;
  }
}

/** An entry that continues the chain, in whatever form. */
async function appendEntry(house: House, saleId: string, packed: string): Promise<void> {
  await withRedis(house, (redis) =>
    redis.eval(
      `local seq, tip = unpack(redis.call('HMGET', KEYS[1], 'seq', 'tip'))
       seq = string.format('%.0f', seq + 1)
       tip = redis.sha1hex(tip .. '\\n' .. string.match(ARGV[1], '^.-\\n.-\\n.-\\n.-\\n(.*)$'))
       redis.call('XADD', KEYS[2], seq .. '-0', 'e', ARGV[1], 'h', tip)
       redis.call('HSET', KEYS[1], 'seq', seq, 'tip', tip)`,
      2,
      `{s0}:sale:${saleId}`,
      `{s0}:intake:${saleId}`,
      packed,
    ),
  );
}
