/** Where and when: a figure without its machine says nothing. */
import { cpus, release, totalmem } from 'node:os';
import { readCpu, readMachineCpu, sumOf } from './cpu.ts';

export interface Machine {
  date: string;
  command: string;
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  /** Share of the machine that went to others while the bench ran: above a tenth, do not trust the rates. */
  othersShare: number;
}

/** Called at the start; answers with what is to be called at the end. */
export function watchMachine(): () => Machine {
  const date = new Date().toISOString();
  const before = { ...readMachineCpu(), own: ownMicros() };
  return () => {
    const processors = cpus();
    const after = readMachineCpu();
    const own = ownMicros() - before.own;
    const others = Math.max(0, after.busyMicros - before.busyMicros - own);
    return {
      date,
      command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
      cpu: processors[0]?.model ?? 'unknown',
      cores: processors.length,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
      othersShare: others / (after.allMicros - before.allMicros),
    };
  };
}

/** This process and everything it started. */
function ownMicros(): number {
  return sumOf(readCpu({ bench: [process.pid] }));
}
