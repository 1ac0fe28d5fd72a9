import type { RebuildSource } from '@holdfast/core';
import { createCommitter, createSweep, type Sweep, type SweepParts } from '@holdfast/pipeline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, reserve, statuses } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, emptyRedis, Killed, withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, until, untilDue } from '../support/sales.ts';

/** Longer than any test: these sweeps look when they are told to. */
const neverByItself = 600_000;

describe('a worker that sweeps', () => {
  let house: House;
  let sweeps: Sweep[];

  beforeEach(async () => {
    house = await openHouse({ workers: 0 });
    sweeps = [];
  });
  afterEach(async () => {
    for (const sweep of sweeps) await sweep.close();
    await house.close();
  });

  function sweeper(change: Partial<SweepParts> = {}, onError?: (error: Error) => void): Sweep {
    const committer = createCommitter({ ledger: house.ledger, gate: house.gate });
    const parts = { ledger: house.ledger, gate: house.gate, committer, ...change };
    const sweep = createSweep(parts, { everyMs: neverByItself, ...(onError && { onError }) });
    sweeps.push(sweep);
    return sweep;
  }

  it('leaves alone what moves, and decides what stood still since its last look', async () => {
    const sale = await openTees(house, 5);
    const sweep = sweeper();
    expect(await sweep.sweepOnce()).toBe(0);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const bob = await reserve(house.edge, sale, 'bob');
    expect(await sweep.sweepOnce(), 'somebody has just been at work').toBe(0);
    expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'queued']);
    expect(await sweep.sweepOnce()).toBe(1);
    expect(await statuses(house.edge, bob)).toEqual(['held']);
    expect(await sweep.sweepOnce(), 'and then there is nothing to do').toBe(0);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
  });

  it('gives overdue holds back although no bell rings for them', async () => {
    const sale = await openTees(house, 1, { holdSeconds: 1 });
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const sweep = sweeper();
    expect(await sweep.sweepOnce(), 'in time').toBe(0);
    await untilDue(house, sale);
    expect(await sweep.sweepOnce(), 'overdue').toBe(1);
    expect(await statuses(house.edge, ann)).toEqual(['expired']);
    expect(await ask(house.edge, sale, 'bob')).toMatchObject({ kind: 'admitted' });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { expired: 1, held: 1 } });
  });

  it('tells the gate what a dead worker had decided', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    const run = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'settle', 'before') });
    await expect(run.commitSale(sale)).rejects.toThrow(Killed);
    const sweep = sweeper();
    expect(await sweep.sweepOnce(), 'whoever decided may be about to tell').toBe(0);
    expect(await sweep.sweepOnce()).toBe(1);
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('brings the gate a change of the sale that the console could not bring', async () => {
    const sale = await openTees(house, 5);
    const at = await house.ledger.readSale(sale);
    if (at === null) throw new Error('The sale is in the ledger');
    const changed = await house.ledger.changeSale(at.cursor, {
      sale: { ...at.sale, status: 'paused', termsVersion: at.sale.termsVersion + 1 },
      restocked: new Map(),
      event: {
        type: 'sale_moved',
        ticketId: null,
        commandId: null,
        data: { status: 'paused' },
        at: Date.now(),
      },
    });
    expect(changed).toBe('changed');
    expect(await ask(house.edge, sale, 'ann')).toMatchObject({ kind: 'admitted' });
    expect(await sweeper().sweepOnce()).toBe(1);
    expect(await ask(house.edge, sale, 'bob')).toMatchObject({ code: 'paused' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it.each([
    ['lost the sale', (sale: string) => ['del', `{s0}:sale:${sale}`]],
    ['is behind the ledger', (sale: string) => ['hset', `{s0}:sale:${sale}`, 'seq', '0']],
    ['has another chain', (sale: string) => ['hset', `{s0}:sale:${sale}`, 'tip', 'f'.repeat(40)]],
    ['is of another time', (sale: string) => ['hset', `{s0}:sale:${sale}`, 'epoch', '0']],
  ])('rebuilds a gate that %s at its first look', async (_, damage) => {
    const sale = await openTees(house, 1);
    await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const [command, ...args] = damage(sale) as [string, ...string[]];
    await withRedis(house, (redis) => redis.call(command, ...args));
    const rebuilt: string[] = [];
    const onRebuild = (saleId: string, why: string, outcome: string) =>
      void rebuilt.push(`${saleId} ${outcome} ${why}`);
    const committer = createCommitter({ ledger: house.ledger, gate: house.gate, onRebuild });
    expect(await sweeper({ committer, onRebuild }).sweepOnce()).toBe(1);
    expect(rebuilt).toHaveLength(1);
    expect(rebuilt[0]).toContain(`${sale} rebuilt`);
    expect(await ask(house.edge, sale, 'bob')).toMatchObject({ code: 'sold_out' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('opens an emptied shard, even one without a single sale', async () => {
    await emptyRedis(house);
    expect(await house.gate.isBooted('0')).toBe(false);
    await sweeper().sweepOnce();
    expect(await house.gate.isBooted('0')).toBe(true);
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    await emptyRedis(house);
    const sweep = sweeper();
    await sweep.sweepOnce();
    const bob = await reserve(house.edge, sale, 'bob');
    await sweep.sweepOnce();
    await sweep.sweepOnce();
    expect(await statuses(house.edge, bob)).toEqual(['held']);
    // The edge that gave ann her place remembers it.
    await until('both to be held', async () => {
      await sweep.sweepOnce();
      const seen = await Promise.all([ann, bob].map(({ id }) => house.edge.readTicket(id)));
      return seen.every((answer) => answer.kind === 'ticket' && answer.ticket.status === 'held');
    });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
  });

  it('gives whoever rebuilds a gate some time, and finishes only a rebuild that stands still', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    await house.commit(sale);
    const leaveHalfWay = async () => {
      const at = await house.ledger.readSale(sale);
      const source = at === null ? null : await house.ledger.fenceRebuild(sale, at.cursor, at.cursor.epoch);
      const dead = { ...source, claims: dies() } as RebuildSource;
      await expect(house.gate.rebuild(dead)).rejects.toThrow(Killed);
    };
    const sweep = sweeper();
    await leaveHalfWay();
    for (let pass = 1; pass <= 3; pass++) expect(await sweep.sweepOnce(), `pass ${pass}`).toBe(0);
    await leaveHalfWay();
    for (let pass = 1; pass <= 3; pass++)
      expect(await sweep.sweepOnce(), `pass ${pass} of the second`).toBe(0);
    expect(await house.edge.readTicket(ann.id)).toMatchObject({ code: 'gate_unavailable' });
    expect(await sweep.sweepOnce()).toBe(1);
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('goes on with the other sales when one cannot be committed, and says which fault it was', async () => {
    const broken = await openTees(house, 5);
    const sound = await openTees(house, 5);
    const committer = createCommitter({ ledger: house.ledger, gate: house.gate });
    const faults: string[] = [];
    const sweep = sweeper(
      {
        committer: {
          commitSale: (saleId) =>
            saleId === broken ? Promise.reject(new Killed('this one')) : committer.commitSale(saleId),
        },
      },
      (error) => faults.push(error.message),
    );
    await sweep.sweepOnce();
    await reserve(house.edge, broken, 'ann');
    const bob = await reserve(house.edge, sound, 'bob');
    expect(await sweep.sweepOnce()).toBe(1);
    expect(faults).toEqual(['this one']);
    expect(await statuses(house.edge, bob)).toEqual(['held']);
    await house.commit(broken);
    for (const sale of [broken, sound])
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('opens a gate whose rebuild was given up, however long the run of another sale takes', async () => {
    const busy = await openTees(house, 5);
    const shut = await openTees(house, 5);
    const ann = await reserve(house.edge, shut, 'ann');
    await house.commit(shut);
    await reserve(house.edge, busy, 'bob');
    const at = await house.ledger.readSale(shut);
    const source = at === null ? null : await house.ledger.fenceRebuild(shut, at.cursor, at.cursor.epoch);
    const dead = { ...source, claims: dies() } as RebuildSource;
    await expect(house.gate.rebuild(dead)).rejects.toThrow(Killed);
    const ends = Promise.withResolvers<void>();
    const committer = createCommitter({ ledger: house.ledger, gate: house.gate });
    const sweep = createSweep(
      {
        ledger: house.ledger,
        gate: house.gate,
        committer: {
          async commitSale(saleId) {
            if (saleId === busy) await ends.promise;
            return committer.commitSale(saleId);
          },
        },
      },
      { everyMs: 20 },
    );
    await until(
      'the gate to be open again',
      async () => (await house.edge.readTicket(ann.id)).kind === 'ticket',
    );
    expect(await statuses(house.edge, ann)).toEqual(['held']);
    ends.resolve();
    await sweep.close();
    for (const sale of [busy, shut]) {
      await house.commit(sale);
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
    }
  });

  it('looks again after a look that failed, and stops when it is closed', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    const faults: Error[] = [];
    let looks = 0;
    const ledger = {
      ...house.ledger,
      async liveSales() {
        looks++;
        if (looks === 1) throw new Killed('the ledger is away');
        return house.ledger.liveSales();
      },
    };
    const committer = createCommitter({ ledger: house.ledger, gate: house.gate });
    const sweep = createSweep(
      { ledger, gate: house.gate, committer },
      { everyMs: 20, onError: (error) => faults.push(error) },
    );
    await until('the sweep to have decided', async () => (await statuses(house.edge, ann))[0] === 'held');
    await sweep.close();
    expect(faults.map((fault) => fault.message)).toEqual(['the ledger is away']);
    const before = looks;
    await expectConservation(house, sale);
    expect(looks).toBe(before);
  });

  it('records how many were refused, once, however many sweep and however often', async () => {
    const sale = await openTees(house, 1);
    await reserve(house.edge, sale, 'ann');
    const edge = await house.addEdge();
    for (let buyer = 0; buyer < 5; buyer++) await ask(edge, sale, `b${buyer}`);
    await edge.close();
    const two = [sweeper(), sweeper()];
    for (let pass = 0; pass < 2; pass++) for (const sweep of two) await sweep.sweepOnce();
    expect(Object.fromEntries(await house.ledger.refusalsByReason(sale))).toEqual({ sold_out: 5 });
    const other = await house.addEdge();
    for (let buyer = 0; buyer < 3; buyer++) await ask(other, sale, `c${buyer}`);
    await other.close();
    for (const sweep of two) await sweep.sweepOnce();
    expect(Object.fromEntries(await house.ledger.refusalsByReason(sale))).toEqual({ sold_out: 8 });
    await house.ledger.recordRefusals(sale, []);
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });
});

// oxlint-disable-next-line require-yield
async function* dies(): AsyncGenerator<never> {
  throw new Killed('in the middle of a rebuild');
}
