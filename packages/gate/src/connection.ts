import { Redis, type RedisOptions } from 'ioredis';

export interface ConnectionOptions {
  url: string;
  name: string;
  onError?: ((error: Error) => void) | undefined;
}

/**
 * A connection whose commands fail at once when the server is away and are never sent again by the library: the gate
 * sends again itself, with the same ticket ids, and knows when to give up.
 */
export function connect(options: ConnectionOptions): Redis {
  return open(options, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
}

/** Subscriptions come back by themselves, so this one waits for the server as long as it takes. */
export function connectSubscriber(options: ConnectionOptions): Redis {
  return open(options, { maxRetriesPerRequest: null, autoResubscribe: true });
}

function open({ url, name, onError }: ConnectionOptions, extra: Partial<RedisOptions>): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    // Says which library this is; a user of Redis who may do no more than is needed may not.
    disableClientInfo: true,
    connectTimeout: 2_000,
    enableReadyCheck: true,
    retryStrategy: (times) => Math.min(20 * 2 ** Math.min(times, 5), 500),
    ...extra,
    // Replies as arrays in both protocols, whatever the library's default becomes.
    replyMapping: 'legacy',
  });
  redis.on('error', (error: Error) => onError?.(error));
  return redis;
}

/** Waits until the connection is usable; throws after `timeoutMs`. */
export async function whenReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      redis.off('ready', done);
      reject(new Error(`Redis did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    redis.once('ready', done);
  });
}
