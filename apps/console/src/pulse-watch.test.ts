import type { GatePulse } from '@holdfast/core';
import { describe, expect, it } from 'vitest';
import { sampleOf } from './pulse-watch.ts';

const ledger = { saleId: 's', status: 'open', committedSeq: 10, position: 20, units: 4 } as const;
const gate: GatePulse = {
  epoch: 1,
  seq: 10,
  lined: 8,
  available: 6,
  rebuilding: false,
  oldestAt: null,
  now: 100_000,
  refusals: [{ minute: 60_000, reason: 'sold_out', count: 5 }],
  runs: { transactions: 3, entries: 10, milliseconds: 30 },
};
const before = { at: 1_000, ledger, gate };

function after(change: Partial<GatePulse>, at = 3_000) {
  return { at, ledger, gate: { ...gate, now: gate.now + (at - before.at), ...change } };
}

describe('a sample', () => {
  it('is what both sides counted since the last look, per second', () => {
    const look = after({
      seq: 16,
      lined: 13,
      oldestAt: 101_500,
      refusals: [
        { minute: 60_000, reason: 'sold_out', count: 9 },
        { minute: 120_000, reason: 'sold_out', count: 2 },
        { minute: 120_000, reason: 'paused', count: 4 },
      ],
      runs: { transactions: 5, entries: 30, milliseconds: 50 },
    });
    const events = new Map([
      ['held', 4],
      ['expired', 1],
    ] as const);
    expect(sampleOf(before, look, events)).toEqual({
      at: 3_000,
      admitted: 2.5,
      refused: { sold_out: 3, paused: 2 },
      depth: 6,
      oldestAgeMs: 500,
      transactions: 1,
      batch: 10,
      commitMs: 10,
      held: 2,
      confirmed: 0,
      lapsed: 0.5,
      givenBack: 0,
      units: 4,
      available: 6,
    });
  });

  it('says nothing of admissions across a rebuild, and nothing at all of a gate that is away', () => {
    expect(sampleOf(before, after({ epoch: 2, lined: 1 }), new Map()).admitted).toBeNull();
    const gone = sampleOf(before, { ...after({}), gate: null }, new Map());
    expect(gone).toMatchObject({
      admitted: null,
      depth: null,
      oldestAgeMs: null,
      available: null,
      refused: {},
    });
  });

  it('takes minutes that the gate has dropped, or counts that began anew, for no refusals and no commits', () => {
    const look = after({ refusals: [], runs: { transactions: 1, entries: 2, milliseconds: 3 } });
    expect(sampleOf(before, look, new Map())).toMatchObject({ refused: {}, transactions: 0, batch: null });
  });
});
