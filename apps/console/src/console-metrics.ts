import type { Metrics } from '@holdfast/runtime';
import type { ConsoleParts } from './parts.ts';
import type { QueueWatch } from './queue-watch.ts';

const bucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The console's figures. Queues and intakes are looked at when somebody asks. */
export function createConsoleMetrics(
  metrics: Metrics,
  queues: QueueWatch,
): Pick<ConsoleParts, 'metrics' | 'observe'> {
  const requests = metrics.histogram(
    'console_request_duration_seconds',
    'Time from the parsed request to its answer.',
    bucketsSeconds,
    ['method', 'route', 'status'],
  );
  const seen = metrics.gauge('queues_seen', 'Whether stores and queues could be looked at for this scrape.');
  const depth = metrics.gauge('intake_depth', 'Entries that the ledger does not have yet.', ['sale']);
  const age = metrics.gauge('intake_oldest_age_seconds', 'Age of the first of them.', ['sale']);
  const jobs = metrics.gauge('queue_jobs', 'Jobs per queue and state.', ['queue', 'state']);
  const completed = metrics.gauge('queue_completed_per_second', 'Jobs completed over the last full minute.', [
    'queue',
  ]);
  const workers = metrics.gauge('workers_seen', 'Worker replicas that are connected.');

  async function look(): Promise<void> {
    const view = await queues.look();
    depth.reset();
    age.reset();
    for (const { saleId, depth: entries, oldestAgeSeconds } of view.intakes) {
      depth.set({ sale: saleId }, entries);
      age.set({ sale: saleId }, oldestAgeSeconds);
    }
    for (const { name, waiting, active, delayed, failed, completedPerSecond } of view.queues) {
      for (const [state, count] of Object.entries({ waiting, active, delayed, failed }))
        jobs.set({ queue: name, state }, count);
      completed.set({ queue: name }, completedPerSecond);
    }
    workers.set(view.workers.length);
  }

  return {
    observe: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    metrics: {
      contentType: metrics.contentType,
      text: async () => {
        // A scrape answers although a store is away: that is when somebody needs it.
        const ok = await look().then(
          () => 1,
          () => 0,
        );
        seen.set(ok);
        return metrics.text();
      },
    },
  };
}
