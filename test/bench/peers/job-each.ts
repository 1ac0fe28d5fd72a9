/**
 * Peer (e): a Redis counter decides, one BullMQ job per reservation carries it, one transaction writes it.
 *
 * Made as good as it gets: the counter is one atomic script, so that nothing has to be handed back; sold out is
 * answered from the counter alone; the job's id is the ticket's, so that a re-sent job is one job; the worker
 * (a process of its own: `job-each-worker.ts`) runs many jobs at once.
 */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { nanoid } from 'nanoid';
import { createTables, openPool } from './rows.ts';
import { type Peer, type PeerSettings, servePeer } from './serve.ts';

export const queueName = 'reserve';
export const heldChannel = 'held';

export interface ReserveJob {
  saleId: string;
  sku: string;
  quantity: number;
  buyerId: string;
  reservedAt: number;
  /** Where somebody waits for the outcome. */
  announce: boolean;
}

/** KEYS: the item's counter. ARGV: quantity. Answers what is left, or -1 and takes nothing. */
const takeScript = `
local left = tonumber(redis.call('GET', KEYS[1]) or '0')
local quantity = tonumber(ARGV[1])
if left < quantity then return -1 end
return redis.call('DECRBY', KEYS[1], quantity)
`;

declare module 'ioredis' {
  interface Redis {
    take(key: string, quantity: number): Promise<number>;
    put(key: string, stock: number): Promise<number>;
  }
}

export async function startJobEach(settings: PeerSettings): Promise<Peer> {
  const pool = await openPool(settings.databaseUrl, 1);
  await createTables(pool);
  await pool.end();
  const redis = new Redis(settings.redisUrl, { enableAutoPipelining: true });
  redis.defineCommand('take', { numberOfKeys: 1, lua: takeScript });
  const queue = new Queue<ReserveJob>(queueName, {
    connection: new Redis(settings.redisUrl, { maxRetriesPerRequest: null }),
    defaultJobOptions: {
      removeOnComplete: true,
      attempts: 20,
      backoff: { type: 'exponential', delay: 50, jitter: 1 },
    },
  });
  const subscriber = new Redis(settings.redisUrl);
  const waiters = new Map<string, () => void>();
  await subscriber.subscribe(heldChannel);
  subscriber.on('message', (_channel, ticketId) => waiters.get(ticketId)?.());

  return {
    async openSale(saleId, sku, stock) {
      await redis.set(counterKey(saleId, sku), stock);
    },
    async reserve(wish, waitSeconds) {
      const left = await redis.take(counterKey(wish.saleId, wish.sku), wish.quantity);
      if (left < 0) return { outcome: 'sold_out' };
      const ticketId = nanoid();
      const held = waitSeconds > 0 ? waitForHold(ticketId, waitSeconds) : null;
      await queue.add(
        'reserve',
        {
          saleId: wish.saleId,
          sku: wish.sku,
          quantity: wish.quantity,
          buyerId: wish.buyerId,
          reservedAt: Date.now(),
          announce: held !== null,
        },
        { jobId: ticketId },
      );
      return { outcome: (await held) === true ? 'held' : 'queued', ticketId };
    },
    async close() {
      await queue.close();
      redis.disconnect();
      subscriber.disconnect();
    },
  };

  function waitForHold(ticketId: string, waitSeconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(false), waitSeconds * 1000);
      waiters.set(ticketId, () => end(true));
      function end(held: boolean): void {
        clearTimeout(timer);
        waiters.delete(ticketId);
        resolve(held);
      }
    });
  }
}

function counterKey(saleId: string, sku: string): string {
  return `left:${saleId}:${sku}`;
}

if (import.meta.main) await servePeer(startJobEach);
