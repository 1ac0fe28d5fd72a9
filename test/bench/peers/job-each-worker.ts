/**
 * The worker of peer (e): one job, one transaction, which is one INSERT. The counter has decided, so the rows of
 * different buyers touch nothing in common and their commits share an fsync; the ticket's id makes a job that
 * runs twice one hold.
 *
 * This gives up the guard that all others here have: no stock row, no CHECK, nothing in Postgres that would
 * notice a wrong counter. With a stock row updated in the same statement it held 2,000 a second and not 3,400.
 */
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { heldChannel, queueName, type ReserveJob } from './job-each.ts';
import { holdSeconds, openPool } from './rows.ts';
import type { PeerSettings } from './serve.ts';

// Measured with 8, 16 and 32 connections and 32, 64 and 128 jobs.
const connections = 16;
const jobsAtOnce = 64;

async function startWorker(settings: PeerSettings): Promise<() => Promise<void>> {
  const pool = await openPool(settings.databaseUrl, connections);
  const publisher = new Redis(settings.redisUrl, { enableAutoPipelining: true });
  const worker = new Worker<ReserveJob>(
    queueName,
    async (job) => {
      const { saleId, sku, quantity, buyerId, reservedAt, announce } = job.data;
      await pool.query({
        name: 'hold',
        text: `
          INSERT INTO reservations VALUES
            ($1, $2, $3, $4, $5, 'held', to_timestamp($6::float8 / 1000), now() + make_interval(secs => $7))
          ON CONFLICT (ticket_id) DO NOTHING`,
        values: [job.id, saleId, sku, quantity, buyerId, reservedAt, holdSeconds],
      });
      if (announce) await publisher.publish(heldChannel, job.id as string);
    },
    {
      connection: new Redis(settings.redisUrl, { maxRetriesPerRequest: null }),
      concurrency: jobsAtOnce,
    },
  );
  worker.on('error', (error) => console.error(error));
  await worker.waitUntilReady();
  return async () => {
    await worker.close();
    await pool.end();
    publisher.disconnect();
  };
}

if (import.meta.main) {
  const close = await startWorker(JSON.parse(process.argv[2] ?? '{}') as PeerSettings);
  const end = () => void close().finally(() => process.exit(0));
  process.once('SIGTERM', end);
  process.once('disconnect', end);
  process.send?.({ ready: true });
}
