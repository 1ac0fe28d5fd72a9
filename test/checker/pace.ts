import type { Operation } from './evidence.ts';

/**
 * Whether the machine kept up, as clients saw it. A read asks an edge and the gate and nothing else, and takes some
 * milliseconds; where many take half a second, or have no answer, nobody was simply late. The clock runs, and nothing else.
 */
export interface Pace {
  follow(operation: Operation): void;
  slow(from: number, to: number): boolean;
}

const bucketMs = 1_000;
const slowMs = 500;
/** One in so many slow ones says that it is not the one who asked. */
const slowShare = 1 / 5;
const fewestReads = 5;

export function createPace(): Pace {
  const reads = new Map<number, { count: number; slow: number }>();
  return {
    follow({ op, sentAt, answeredAt }) {
      if (op !== 'read' && op !== 'sale') return;
      const name = Math.floor(sentAt / bucketMs);
      let bucket = reads.get(name);
      if (bucket === undefined) {
        bucket = { count: 0, slow: 0 };
        reads.set(name, bucket);
      }
      bucket.count += 1;
      if (answeredAt === null || answeredAt - sentAt > slowMs) bucket.slow += 1;
    },
    slow(from, to) {
      let count = 0;
      let slow = 0;
      for (let name = Math.floor(from / bucketMs); name <= Math.floor(to / bucketMs); name += 1) {
        const bucket = reads.get(name);
        count += bucket?.count ?? 0;
        slow += bucket?.slow ?? 0;
      }
      return count >= fewestReads && slow >= count * slowShare;
    },
  };
}
