/**
 * A million answer times in 26 KB: buckets that are 128 to a power of two wide, so a percentile is true to
 * within one per cent. Arrays of times would make the crowd the biggest process on the machine it measures.
 */
export function createHistogram() {
  const counts = new Float64Array(BUCKETS);
  let count = 0;
  let maxMs = 0;

  return {
    record(latencyMs: number): void {
      const bucket = bucketOf(Math.round(latencyMs * 1_000));
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      count += 1;
      if (latencyMs > maxMs) maxMs = latencyMs;
    },
    summary(): Spread {
      const at = (share: number) => percentileMs(counts, count, share, maxMs);
      return { count, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs };
    },
  };
}

/** Percentiles in milliseconds; all 0 when nothing was recorded. */
export interface Spread {
  count: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
}

const FINE_BITS = 7;
const FINE = 1 << FINE_BITS;
const LONGEST_US = 2 ** 31 - 1;
const BUCKETS = (31 - FINE_BITS + 1) * FINE;

function bucketOf(us: number): number {
  const value = Math.min(Math.max(us, 0), LONGEST_US);
  if (value < FINE) return value;
  const shift = 31 - Math.clz32(value) - FINE_BITS;
  return shift * FINE + (value >>> shift);
}

function percentileMs(counts: Float64Array, count: number, share: number, maxMs: number): number {
  if (count === 0) return 0;
  let left = Math.ceil(count * share);
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    left -= counts[bucket] ?? 0;
    if (left <= 0) return Math.min(upperEdgeUs(bucket) / 1_000, maxMs);
  }
  return maxMs;
}

function upperEdgeUs(bucket: number): number {
  if (bucket < 2 * FINE) return bucket;
  const shift = Math.floor(bucket / FINE) - 1;
  return (bucket - shift * FINE + 1) * 2 ** shift;
}
