import { migrate } from '@holdfast/ledger';
import { openPrivateStores } from './private-stores.ts';
import { claimFolder } from './running.ts';

interface StoreUrls {
  databaseUrl: string;
  redisUrl: string;
}

interface Given {
  readonly DATABASE_URL?: string | undefined;
  readonly REDIS_URL?: string | undefined;
  readonly HOLDFAST_DIR: string;
}

/**
 * For a command that works on both stores: those that are given, else those of the stack that runs in this folder, else
 * this folder's own, brought up for as long as the work takes. Resolves to the exit code.
 */
export async function withStores(
  { DATABASE_URL, REDIS_URL, HOLDFAST_DIR }: Given,
  work: (urls: StoreUrls) => Promise<number>,
): Promise<number> {
  if (DATABASE_URL !== undefined && REDIS_URL !== undefined)
    return work({ databaseUrl: DATABASE_URL, redisUrl: REDIS_URL });
  const claimed = claimFolder(HOLDFAST_DIR);
  if ('taken' in claimed) {
    const databaseUrl = DATABASE_URL ?? claimed.taken.databaseUrl;
    const redisUrl = REDIS_URL ?? claimed.taken.redisUrl;
    if (databaseUrl != null && redisUrl != null) return work({ databaseUrl, redisUrl });
    console.error(
      `Holdfast runs in this folder (process ${claimed.taken.pid}) with stores that it was given, or is starting: set DATABASE_URL and REDIS_URL.`,
    );
    return 1;
  }
  try {
    const stores = await openPrivateStores({
      dir: HOLDFAST_DIR,
      databaseUrl: DATABASE_URL,
      redisUrl: REDIS_URL,
      say: (line) => console.error(line),
    });
    try {
      await migrate(stores.databaseUrl);
      return await work(stores);
    } finally {
      await stores.stop();
    }
  } finally {
    claimed.claim.release();
  }
}
