/**
 * A small process that outlives its parent for a moment and clears up after it. A program that is killed
 * with `kill -9` cannot stop its children; node children notice the closed channel, Postgres and Redis do not.
 *
 * It reads one JSON object per line and acts when the line goes dead:
 *   {"watch": pid, "identity": "...", "signal": "SIGTERM", "last": false}
 *   {"forget": pid}
 *   {"remove": "/a/temporary/folder"}
 */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameProcess } from './process-identity.ts';

const stopSeconds = 5;

interface Watched {
  readonly pid: number;
  readonly identity: string;
  readonly signal: NodeJS.Signals;
  /** Stores are stopped after everybody who may still write to them. */
  readonly last: boolean;
}

const watched = new Map<number, Watched>();
const removals = new Set<string>();

// A signal to the whole group is meant for the parent, which tells us by closing the line.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as { watch?: number; forget?: number; remove?: string } & Omit<
    Watched,
    'pid'
  >;
  if (order.watch !== undefined) {
    watched.set(order.watch, {
      pid: order.watch,
      identity: order.identity,
      signal: order.signal,
      last: order.last,
    });
  }
  if (order.forget !== undefined) watched.delete(order.forget);
  if (order.remove !== undefined) removals.add(order.remove);
}

const everybody = [...watched.values()];
await stopAll(everybody.filter((one) => !one.last));
await stopAll(everybody.filter((one) => one.last));
for (const folder of removals) await rm(folder, { recursive: true, force: true });

async function stopAll(targets: Watched[]): Promise<void> {
  const alive = () => targets.filter((one) => isSameProcess(one.pid, one.identity));
  signalAll(alive());
  const deadline = Date.now() + stopSeconds * 1000;
  while (alive().length > 0 && Date.now() < deadline) await sleep(25);
  signalAll(alive().map((one) => ({ ...one, signal: 'SIGKILL' })));
  const killDeadline = Date.now() + 1000;
  while (alive().length > 0 && Date.now() < killDeadline) await sleep(10);
}

function signalAll(targets: Watched[]): void {
  for (const one of targets) {
    try {
      process.kill(one.pid, one.signal);
    } catch {
      // It ended by itself in between.
    }
  }
}
