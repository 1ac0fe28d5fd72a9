import type { LedgerSale, RunLedger, WorkerGate } from '@holdfast/core';
import { describe, expect, it } from 'vitest';
import { createCommitter } from './committer.ts';

/** A ledger that is asked for sales it does not have, and answers when the test says so. Nothing else is ever asked. */
function emptyLedger() {
  const asked: { saleId: string; answer(): void; fail(error: Error): void }[] = [];
  let running = 0;
  let mostAtOnce = 0;
  const readSale = (saleId: string) =>
    new Promise<LedgerSale | null>((resolve, reject) => {
      running++;
      mostAtOnce = Math.max(mostAtOnce, running);
      const end = (how: () => void) => () => {
        running--;
        how();
      };
      asked.push({ saleId, answer: end(() => resolve(null)), fail: (error) => end(() => reject(error))() });
    });
  const committer = createCommitter({
    ledger: { readSale } as Partial<RunLedger> as RunLedger,
    gate: {} as WorkerGate,
  });
  return { asked, committer, mostAtOnce: () => mostAtOnce };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const unknown = { kind: 'unknown_sale', entries: 0, lapse: null };

describe('commit runs of one process', () => {
  it('of one sale never overlap: all bells that ring during a run share the next one', async () => {
    const { asked, committer, mostAtOnce } = emptyLedger();
    const first = committer.commitSale('s');
    const others = [committer.commitSale('s'), committer.commitSale('s'), committer.commitSale('s')];
    await turn();
    expect(asked).toHaveLength(1);
    asked[0]?.answer();
    expect(await first).toEqual(unknown);
    await turn();
    expect(asked).toHaveLength(2);
    asked[1]?.answer();
    expect(await Promise.all(others)).toEqual([unknown, unknown, unknown]);
    await turn();
    expect([asked.length, mostAtOnce()]).toEqual([2, 1]);
  });

  it('start anew when nothing is under way: a bell after a run is not answered with the run before it', async () => {
    const { asked, committer } = emptyLedger();
    for (const run of [0, 1]) {
      const report = committer.commitSale('s');
      expect(asked).toHaveLength(run + 1);
      asked[run]?.answer();
      expect(await report).toEqual(unknown);
    }
  });

  it('of different sales do not wait for each other', async () => {
    const { asked, committer } = emptyLedger();
    const reports = [committer.commitSale('one'), committer.commitSale('two')];
    expect(asked.map(({ saleId }) => saleId)).toEqual(['one', 'two']);
    for (const run of asked) run.answer();
    expect(await Promise.all(reports)).toEqual([unknown, unknown]);
  });

  it('that fail tell their own callers only; the next run is made all the same', async () => {
    const { asked, committer } = emptyLedger();
    const first = committer.commitSale('s');
    const next = committer.commitSale('s');
    asked[0]?.fail(new Error('Postgres is away'));
    await expect(first).rejects.toThrow('Postgres is away');
    await turn();
    asked[1]?.answer();
    expect(await next).toEqual(unknown);
  });

  it('do not overlap either when a bell rings in the moment between two of them', async () => {
    for (let microtasks = 0; microtasks < 20; microtasks++) {
      const { asked, committer, mostAtOnce } = emptyLedger();
      const reports = [committer.commitSale('s'), committer.commitSale('s')];
      asked[0]?.answer();
      for (let passed = 0; passed < microtasks; passed++) await Promise.resolve();
      reports.push(committer.commitSale('s'));
      await turn();
      const atOnce = mostAtOnce();
      for (let run = 1; run < asked.length; run++) {
        asked[run]?.answer();
        await turn();
      }
      await Promise.all(reports);
      expect(atOnce, `after ${microtasks} microtasks`).toBe(1);
    }
  });
});
