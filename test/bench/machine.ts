/** Where and when: a figure without its machine says nothing. */
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  date: string;
  command: string;
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  /** One-minute load when the bench began: what the machine was already doing. */
  loadBefore: number;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}
