import { isoTime } from '../text.ts';

export interface QueueCounts {
  name: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  completedPerSecond: number;
}

/** A sale's intake: entries that the ledger does not have yet, and the age of the first of them. */
export interface IntakeDepth {
  saleId: string;
  depth: number;
  oldestAgeSeconds: number;
}

/** A worker replica that was seen a moment ago. */
export interface WorkerSeen {
  id: string;
  address: string;
  ageSeconds: number;
}

/** Everything about the queues at one time, epoch milliseconds. */
export interface QueuesView {
  at: number;
  queues: QueueCounts[];
  intakes: IntakeDepth[];
  workers: WorkerSeen[];
}

export function queuesRecord({ at, queues, intakes, workers }: QueuesView) {
  return {
    at: isoTime(at),
    queues,
    sales: intakes,
    /** Over all sales. */
    depth: intakes.reduce((sum, intake) => sum + intake.depth, 0),
    oldestAgeSeconds: intakes.reduce((most, intake) => Math.max(most, intake.oldestAgeSeconds), 0),
    workers,
  };
}
