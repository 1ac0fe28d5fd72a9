import { setTimeout } from 'node:timers/promises';
import type { Worker } from 'bullmq';

/** How long jobs that are under way may take when the process stops, milliseconds. */
const closeWithinMs = 2_000;

/**
 * Lets jobs finish, but not for ever: after Redis was away the library may wait for its blocking call to come back.
 * What is cut off is a bell, and nothing is lost with it.
 */
export async function closeSoon(worker: Worker): Promise<void> {
  const late = new AbortController();
  await Promise.race([
    worker.close(),
    setTimeout(closeWithinMs, undefined, { signal: late.signal }).then(
      () => undefined,
      () => undefined,
    ),
  ]);
  late.abort();
}
