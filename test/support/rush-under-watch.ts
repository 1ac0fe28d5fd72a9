import { setTimeout as sleep } from 'node:timers/promises';
import { createCommitter, createRepairWatch, type RepairWatch } from '@holdfast/pipeline';
import { expect } from 'vitest';
import { expectLawful } from './audit.ts';
import { tell } from './commands.ts';
import { expectConservation } from './conservation.ts';
import { Killed } from './damage.ts';
import type { House } from './house.ts';
import { buy, openTees } from './sales.ts';

/**
 * A rush with holds that lapse, a waitlist, cancels, confirms and runs that die before settling, until so many looks have
 * compared something: none of them may have anything to mend.
 */
export async function rushUnderWatch(house: House, looks: number): Promise<void> {
  const sale = await openTees(house, 30, { holdSeconds: 1, waitlist: true });
  let compared = 0;
  let advised = 0;
  let died = 0;
  let confirms = 0;

  /** Looks that need not be apart are the hardest to please. */
  function watched(): RepairWatch {
    const watch = createRepairWatch(house.ledger, { afterMs: 0 });
    return {
      async look(at, read) {
        if (read.drained && read.journalPosition === at.cursor.position) compared += 1;
        const advice = await watch.look(at, read);
        if (advice.kind !== 'nothing') advised += 1;
        return advice;
      },
    };
  }

  const gate: House['gate'] = {
    ...house.gate,
    async settle(piece) {
      if (Math.random() < 0.1) {
        died += 1;
        throw new Killed('settle');
      }
      return house.gate.settle(piece);
    },
  };
  // However quick the looks are: some holds must have had the time to lapse.
  const lapsedAt = performance.now() + 2_000;
  const isOver = () => compared >= looks && died > 0 && performance.now() > lapsedAt;
  const committers = [gate, gate, house.gate].map(async (one) => {
    const run = createCommitter({ ledger: house.ledger, gate: one, repairs: watched() });
    while (!isOver()) {
      await run.commitSale(sale).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
    }
  });
  const crowd = Array.from({ length: 6 }, async (_, person) => {
    for (let turn = 0; !isOver(); turn += 1) {
      const ticket = await buy(house.edge, sale, `b${person}.${turn}`);
      if (ticket === null) continue;
      if (turn % 8 === 3 && confirms < 10) {
        confirms += 1;
        await tell(house.edge, ticket, 'confirm');
      }
      // The others let their hold lapse, or wait.
      else if (turn % 8 !== 0) await tell(house.edge, ticket, 'cancel');
      await sleep(20);
    }
  });
  await Promise.all([...committers, ...crowd]);

  for (let run = 0; run < 3; run += 1) await house.commit(sale);
  expect(died).toBeGreaterThan(0);
  expect(advised).toBe(0);
  await expectConservation(house, sale);
  await expectLawful(house, sale);
  const journal = await house.ledger.journal(sale, 0, 1_000_000);
  expect(journal.filter(({ type }) => type === 'repaired')).toEqual([]);
  expect((await house.ledger.readSale(sale))?.cursor.epoch).toBe(1);
  const types = new Set(journal.map(({ type }) => type));
  for (const type of ['held', 'waitlisted', 'cancelled', 'expired', 'confirmed'] as const)
    expect(types, 'the rush had everything').toContain(type);
}
