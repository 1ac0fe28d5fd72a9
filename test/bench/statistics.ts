export function median(values: number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** The median of the ratios of each round, not the ratio of medians: both sides of a ratio saw the same hour. */
export function medianRatio(own: number[], other: number[]): number {
  return median(
    own.map((value, round) => value / (other[round] as number)).filter((ratio) => Number.isFinite(ratio)),
  );
}
