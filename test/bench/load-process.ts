/** The load generator's process as seen from the bench. */
import { join } from 'node:path';
import { nextMessage, startChild } from './child.ts';
import type { LoadPlan, LoadReport } from './load.ts';

const startSeconds = 20;
const graceSeconds = 30;

export interface Load {
  pid: number;
  run(plan: LoadPlan): Promise<LoadReport>;
  /** Numbers for so many buyers who never bought before. */
  nextBuyers(count: number): number;
  stop(): Promise<void>;
}

export async function startLoad(folder: string): Promise<Load> {
  const child = startChild({ file: join(import.meta.dirname, 'load.ts'), logFile: join(folder, 'load.log') });
  await nextMessage(child, startSeconds);
  let buyers = 1;
  return {
    pid: child.pid,
    async run(plan) {
      const answer = nextMessage<{ report?: LoadReport; fault?: string }>(
        child,
        plan.limitSeconds + graceSeconds,
      );
      child.process.send(plan);
      const { report, fault } = await answer;
      if (report === undefined) throw new Error(`the load generator failed: ${fault}`);
      return report;
    },
    nextBuyers(count) {
      const first = buyers;
      buyers += count;
      return first;
    },
    stop: () => child.stop(),
  };
}
