/**
 * When others left too little of the machine: what has to be done within seconds cannot be asked for then. It is
 * written into the evidence like a fault, and into the report, so that nobody mistakes it for the nemesis or for proof.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readCpu, readMachineCpu, sumOf } from '../bench/cpu.ts';
import { now } from './clock.ts';
import type { FaultDone } from './nemesis.ts';

export interface BusyMachine {
  /** Since this was asked last. */
  spans(): FaultDone[];
  /** Share of the machine that went to others so far. */
  othersShare(): number;
  close(): Promise<void>;
}

const lookMs = 2_000;
/** With less than half of the machine for us, and nothing of it idle, seconds become long. */
const othersMost = 0.5;
const busyMost = 0.95;

export function watchMachine(): BusyMachine {
  const closing = new AbortController();
  const first = read();
  let last = first;
  let found: FaultDone[] = [];
  const looking = look();

  async function look(): Promise<void> {
    while (first !== null && last !== null && !closing.signal.aborted) {
      const at = now();
      await sleep(lookMs, undefined, { signal: closing.signal }).catch(() => undefined);
      const next = read();
      if (next === null) return;
      const shares = sharesBetween(last, next);
      last = next;
      if (shares.others < othersMost || shares.busy < busyMost) continue;
      const detail = `others took ${Math.round(shares.others * 100)} % of it`;
      found.push({ at, until: now(), kind: 'busy-machine', target: 'processors', detail });
    }
  }

  return {
    spans() {
      const spans = found;
      found = [];
      return spans;
    },
    othersShare: () => (first === null || last === null ? 0 : sharesBetween(first, last).others),
    async close() {
      closing.abort();
      await looking;
    },
  };
}

interface Reading {
  all: number;
  busy: number;
  own: number;
}

/** This process and everything it started; null where that cannot be read. */
function read(): Reading | null {
  try {
    const { allMicros, busyMicros } = readMachineCpu();
    return { all: allMicros, busy: busyMicros, own: sumOf(readCpu({ torture: [process.pid] })) };
  } catch {
    return null;
  }
}

function sharesBetween(before: Reading, after: Reading): { others: number; busy: number } {
  const all = Math.max(1, after.all - before.all);
  const busy = after.busy - before.busy;
  return { others: Math.max(0, busy - (after.own - before.own)) / all, busy: busy / all };
}
