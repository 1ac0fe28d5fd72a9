/** One acknowledged ticket as its buyer saw it; times in milliseconds of one clock, `place` from seq. */
export interface Acknowledged {
  sentAtMs: number;
  receivedAtMs: number;
  place: number;
}

/**
 * Counts the pairs in which A had its answer before B had even asked, and yet B stands before A.
 * Two requests that were on their way together may come in either order; these two may not.
 * Walks the buyers by the time they asked, with a Fenwick tree over places of those answered by then:
 * n log n, where comparing every pair would take hours at a million tickets.
 */
export function countOutOfOrder(tickets: readonly Acknowledged[]): number {
  const rankOf = ranks(tickets);
  const byAsking = tickets.toSorted((a, b) => a.sentAtMs - b.sentAtMs);
  const byAnswer = tickets.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs);
  const answered = createFenwick(rankOf.size);
  let taken = 0;
  let pairs = 0;
  for (const later of byAsking) {
    for (; taken < byAnswer.length; taken += 1) {
      const earlier = byAnswer[taken];
      if (earlier === undefined || earlier.receivedAtMs >= later.sentAtMs) break;
      answered.add(rankOf.get(earlier.place) ?? 0);
    }
    pairs += taken - answered.upTo(rankOf.get(later.place) ?? 0);
  }
  return pairs;
}

function ranks(tickets: readonly Acknowledged[]): Map<number, number> {
  const places = [...new Set(tickets.map((ticket) => ticket.place))].sort((a, b) => a - b);
  return new Map(places.map((place, index) => [place, index + 1]));
}

function createFenwick(size: number) {
  const sums = new Float64Array(size + 1);
  return {
    add(rank: number): void {
      for (let at = rank; at <= size; at += at & -at) sums[at] = (sums[at] ?? 0) + 1;
    },
    upTo(rank: number): number {
      let sum = 0;
      for (let at = rank; at > 0; at -= at & -at) sum += sums[at] ?? 0;
      return sum;
    },
  };
}
