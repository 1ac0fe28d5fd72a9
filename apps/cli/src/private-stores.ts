import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Store, startPostgres, startRedis } from '@holdfast/runtime/local-stores';

export interface StoreWishes {
  readonly dir: string;
  /** A store that is there already is used as it is. */
  readonly databaseUrl?: string | undefined;
  readonly redisUrl?: string | undefined;
  readonly say: (line: string) => void;
}

export interface PrivateStores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly postgres: Store | null;
  readonly redis: Store | null;
  stop(): Promise<void>;
}

const longestPauseMs = 5_000;

/** Brings up the stores that are not given, and brings them up again, where they were, when they die. */
export async function openPrivateStores(wishes: StoreWishes): Promise<PrivateStores> {
  const { dir, databaseUrl, redisUrl, say } = wishes;
  const closing = new AbortController();
  const starts = await Promise.allSettled([
    databaseUrl === undefined ? startPostgres({ dir: join(dir, 'postgres') }) : null,
    redisUrl === undefined ? startRedis({ dir: join(dir, 'redis'), say }) : null,
  ]);
  const [postgres, redis] = starts.map((start) => (start.status === 'fulfilled' ? start.value : null));
  const stores = [postgres, redis].filter((store) => store !== null && store !== undefined);
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(stores.map((store) => store.stop()));
    throw failed.reason;
  }
  if (postgres) keepUp('Postgres', postgres, closing.signal, say);
  if (redis) keepUp('Redis', redis, closing.signal, say);

  return {
    databaseUrl: databaseUrl ?? (postgres?.url as string),
    redisUrl: redisUrl ?? (redis?.url as string),
    postgres: postgres ?? null,
    redis: redis ?? null,
    async stop() {
      closing.abort();
      await Promise.all(stores.map((store) => store.stop()));
    },
  };
}

function keepUp(name: string, store: Store, closing: AbortSignal, say: (line: string) => void): void {
  store.onDeath((how) => {
    if (closing.aborted) return;
    say(`${name} ended (${how}); starting it again with its data`);
    void startAgain(name, store, closing, say);
  });
}

async function startAgain(
  name: string,
  store: Store,
  closing: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  let said = '';
  for (let pauseMs = 100; !closing.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      await store.restart();
      // It may have come up just after everything was stopped.
      if (closing.aborted) await store.stop();
      return;
    } catch (error) {
      // What only a person can help is said once, and tried again quietly until it is done.
      const { message } = error as Error;
      if (message !== said) say(`${name} does not start: ${message}`);
      said = message;
      await sleep(pauseMs, undefined, { signal: closing }).catch(() => {});
    }
  }
}
