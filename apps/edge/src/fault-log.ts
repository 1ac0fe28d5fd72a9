import type { EventLog } from './call.ts';

export interface FaultLog {
  /** Where the faults of one kind of work go. */
  of(doing: string): (error: Error) => void;
  close(): void;
}

const everyMs = 1_000;

/** A store that is away fails every request: one line a second says so, with how many there were. */
export function createFaultLog(log: Pick<EventLog, 'error'>): FaultLog {
  const seen = new Map<string, { error: Error; count: number }>();
  const clock = setInterval(flush, everyMs);
  clock.unref();

  function flush(): void {
    for (const [doing, { error, count }] of seen) log.error({ err: error, count }, `${doing} failed`);
    seen.clear();
  }

  return {
    of: (doing) => (error) => {
      seen.set(doing, { error, count: (seen.get(doing)?.count ?? 0) + 1 });
    },
    close() {
      clearInterval(clock);
      flush();
    },
  };
}
