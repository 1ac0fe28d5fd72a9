import type { CommittedBatch, Poison, Quarantined, Repair } from '@holdfast/pipeline';
import type { Metrics } from '@holdfast/runtime';

/** What an operator watches of the commit runs. */
export function createCommitMetrics(metrics: Metrics) {
  const entries = metrics.counter('committed_entries_total', 'Intake entries committed to the ledger');
  const expired = metrics.counter('expired_holds_total', 'Holds that lapsed');
  const batch = metrics.histogram(
    'commit_batch_entries',
    'Intake entries per transaction',
    [1, 4, 16, 64, 256, 1_000],
  );
  const seconds = metrics.histogram(
    'commit_seconds',
    'Time from deciding a batch to its commit',
    [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2],
  );
  const age = metrics.histogram(
    'commit_age_seconds',
    'Age of the oldest entry of a batch when it was read',
    [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30],
  );
  const rebuilds = metrics.counter('gate_rebuilds_total', 'Gates rebuilt from the ledger', ['outcome']);
  const retries = metrics.counter(
    'commit_retries_total',
    'Runs that began again: a conflict, another run, a rebuild',
  );
  const repairs = metrics.counter('repairs_total', 'What did not agree, and was mended', ['kind']);
  const repaired = metrics.counter('repaired_units_total', 'Units that were concerned', ['kind']);
  const poison = metrics.counter(
    'poison_tries_total',
    'Entries at the head of a line that failed, each time',
    ['newer'],
  );
  const quarantined = metrics.counter('quarantined_total', 'Entries that were taken out of the line');
  const quarantinedUnits = metrics.counter(
    'quarantined_units_total',
    'Units of theirs that went back on sale',
  );
  const failedJobs = metrics.counter('commit_jobs_failed_total', 'Bells whose run failed; the sweep goes on');
  return {
    jobFailed: () => failedJobs.inc(),
    failed({ newer }: Poison): void {
      poison.inc({ newer: String(newer) });
    },
    quarantined({ units }: Quarantined): void {
      quarantined.inc();
      quarantinedUnits.inc(units);
    },
    mended({ kind, units }: Repair): void {
      repairs.inc({ kind });
      repaired.inc({ kind }, units);
    },
    retried: () => retries.inc(),
    committed(done: CommittedBatch): void {
      entries.inc(done.entries);
      expired.inc(done.expired);
      batch.observe(done.entries);
      seconds.observe(done.durationMs / 1_000);
      age.observe(done.oldestAgeMs / 1_000);
    },
    rebuilt: (outcome: string) => rebuilds.inc({ outcome }),
  };
}
