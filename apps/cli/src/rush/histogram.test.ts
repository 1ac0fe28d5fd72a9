import { describe, expect, it } from 'vitest';
import { createHistogram } from './histogram.ts';

describe('the answer times in the table', () => {
  it('are true to within one per cent, from microseconds to minutes', () => {
    for (const scale of [0.05, 1, 37, 1_000, 60_000]) {
      const histogram = createHistogram();
      for (let i = 1; i <= 10_000; i += 1) histogram.record((i / 10_000) * scale);
      const { count, p50Ms, p95Ms, p99Ms, maxMs } = histogram.summary();
      expect(count).toBe(10_000);
      expect(maxMs).toBe(scale);
      for (const [seen, share] of [
        [p50Ms, 0.5],
        [p95Ms, 0.95],
        [p99Ms, 0.99],
      ] as const) {
        expect(Math.abs(seen - share * scale)).toBeLessThanOrEqual(0.01 * share * scale + 0.001);
      }
    }
  });

  it('are nought when nobody was answered', () => {
    expect(createHistogram().summary()).toEqual({ count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 });
  });

  it('keep a time longer than the histogram reaches, as its longest', () => {
    const histogram = createHistogram();
    histogram.record(10_000_000);
    expect(histogram.summary().p50Ms).toBeGreaterThan(2_000_000);
  });
});
