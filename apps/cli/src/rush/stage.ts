import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removePostgres, temporaryFolder } from '@holdfast/runtime/local-stores';
import { startStack } from '../stack.ts';
import type { RushOptions } from './options.ts';

/** Where the rush takes place. */
interface Stage {
  edges: readonly URL[];
  console: { url: URL; key: string } | undefined;
  close(): Promise<void>;
}

/**
 * The stack that runs already, or one of its own on free ports, with stores of its own, that is gone afterwards.
 * A `signal` that is aborted while the stack comes up gives it up.
 */
export async function openStage(options: RushOptions, signal: AbortSignal): Promise<Stage> {
  const { against, console: url, key, workers, edges } = options;
  if (against.length > 0) {
    const merchant = url === undefined || key === undefined ? undefined : { url, key };
    return { edges: against, console: merchant, close: async () => {} };
  }
  const dir = temporaryFolder('rush');
  const clear = async () => {
    removePostgres(join(dir, 'postgres'));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const say = (line: string) => console.error(`rush: ${line}`);
    const stack = await startStack({ dir, workers, edges, env: { LOG_LEVEL: 'warn' }, say, signal });
    const close = () => stack.stop().then(clear);
    return { edges: stack.edges, console: stack.console, close };
  } catch (fault) {
    await clear();
    throw fault;
  }
}
