import type { RushOptions } from './options.ts';
import { startStack } from './stack.ts';

/** Where the rush takes place. */
export interface Stage {
  edges: URL[];
  console: { url: URL; key: string } | undefined;
  close(): Promise<void>;
}

/** The stack that runs already, or one of its own that is gone afterwards. */
export async function openStage(options: RushOptions): Promise<Stage> {
  const { console: url, key } = options;
  if (options.against.length === 0) return startStack(options);
  const merchant = url === undefined || key === undefined ? undefined : { url, key };
  return { edges: options.against, console: merchant, close: async () => {} };
}
