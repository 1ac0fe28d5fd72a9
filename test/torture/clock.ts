/** The one clock of the evidence: epoch milliseconds with fractions, which no correction of the system's clock moves. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
