import { type CommitParts, type CommitReport, commitSale } from './commit-run.ts';

export interface Committer {
  /**
   * Runs the commit run of a sale until its intake is at its end and its gate has settled all of the journal.
   * Calls for one sale never overlap in one process: one that comes during a run gets the next run's report.
   */
  commitSale(saleId: string): Promise<CommitReport>;
}

export function createCommitter(parts: CommitParts): Committer {
  const running = new Map<string, { now: Promise<CommitReport>; next: Promise<CommitReport> | null }>();

  function start(saleId: string): Promise<CommitReport> {
    const run = commitSale(parts, saleId).finally(() => {
      // With a next run promised the place stays taken: a call between the two must share it, not start a third.
      if (running.get(saleId)?.next === null) running.delete(saleId);
    });
    running.set(saleId, { now: run, next: null });
    return run;
  }

  return {
    commitSale(saleId) {
      const current = running.get(saleId);
      if (current === undefined) return start(saleId);
      current.next ??= current.now.then(
        () => start(saleId),
        () => start(saleId),
      );
      return current.next;
    },
  };
}
