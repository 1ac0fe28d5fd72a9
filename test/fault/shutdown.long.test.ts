import { temporaryFolder } from '@holdfast/runtime/local-stores';
import { afterAll, describe, it } from 'vitest';
import { type Stack, startStack } from '../../apps/cli/src/stack.ts';
import { expectAllThere } from '../support/all-there.ts';
import { startRush, untilLawful } from '../support/rush.ts';

describe('all apps of a stack at once', () => {
  let stack: Stack;
  const dir = temporaryFolder('shutdown');

  afterAll(async () => {
    await stack.stop();
  });

  it('F51: asked to stop and killed a moment later, in the middle of a rush: nothing is lost', async () => {
    stack = await startStack({ dir, workers: 2, edges: 2 });
    const rush = await startRush(stack, { patienceMs: 60_000 });
    const apps = Object.entries(stack.pids()).filter(([name]) => name !== 'postgres' && name !== 'redis');
    for (const [, pid] of apps) process.kill(pid, 'SIGTERM');
    await rush.lasts(10);
    for (const [, pid] of apps) killIfThere(pid);
    await rush.goesOn();
    const { saleId, acknowledged } = await rush.end();
    await untilLawful(stack, saleId);
    await expectAllThere(stack, acknowledged);
  }, 120_000);
});

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was quicker.
  }
}
