/** Carries out a plan: each fault at its time, whether or not the ones before are over, but never two at once on one target. */
import { setTimeout as sleep } from 'node:timers/promises';
import { now } from './clock.ts';
import type { Fault } from './plan.ts';
import type { Deed, Deeds } from './faults/deed.ts';

export interface FaultDone {
  at: number;
  /** Null for what has no end of its own. */
  until: number | null;
  kind: string;
  target: string;
  detail: string;
  losesAcknowledged?: true;
}

export interface Skipped {
  kind: string;
  why: string;
}

export interface NemesisRun {
  done: FaultDone[];
  skipped: Skipped[];
}

/** Runs the whole plan of a round; what has begun is ended before it resolves, also when the signal comes in between. */
export async function torment(
  plan: readonly Fault[],
  deeds: Deeds,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<NemesisRun> {
  const run: NemesisRun = { done: [], skipped: [] };
  const beganAt = performance.now();
  const busy = new Map<string, Promise<unknown>>();
  const under: Promise<unknown>[] = [];
  for (const fault of plan) {
    await sleep(Math.max(0, fault.atMs - (performance.now() - beganAt)), undefined, { signal }).catch(
      () => undefined,
    );
    if (signal.aborted) break;
    const places = fault.target.split(' and ');
    const before = Promise.all(places.map((place) => busy.get(place) ?? Promise.resolve()));
    const doing = before.then(() => (signal.aborted ? undefined : doOne(fault)));
    for (const place of places) busy.set(place, doing);
    under.push(doing);
  }
  await Promise.all(under);
  return run;

  async function doOne(fault: Fault): Promise<void> {
    const { kind, target, lastsMs } = fault;
    const deed: Deed | undefined = deeds[kind.name];
    if (deed === undefined) throw new Error(`Nobody knows how to do ${kind.name}`);
    const at = now();
    say(
      `${String(fault.number).padStart(3)}  ${seconds(at)}  ${kind.name}  ${target}${lastsMs === 0 ? '' : `  ${lastsMs} ms`}`,
    );
    const outcome = await deed(fault);
    if (outcome.kind === 'skipped') {
      say(`     not done: ${outcome.why}`);
      run.skipped.push({ kind: kind.name, why: outcome.why });
      return;
    }
    const { detail = '', instant = false } = outcome;
    run.done.push({
      at,
      until: instant ? at : now(),
      kind: kind.name,
      target,
      detail,
      ...(kind.losesAcknowledged && { losesAcknowledged: true }),
    });
  }

  function seconds(at: number): string {
    return `${((at - performance.timeOrigin - beganAt) / 1_000).toFixed(1)} s`;
  }
}
