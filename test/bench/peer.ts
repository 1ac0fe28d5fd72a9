/** The peers as contestants: one server process, for (e) a worker process too, and a database of its own. */
import { join } from 'node:path';
import pg from 'pg';
import { type Child, nextMessage, startChild } from './child.ts';
import { type Contestant, sku } from './contestant.ts';
import type { Stores } from './stores.ts';

export type PeerName = 'row-lock' | 'optimistic' | 'event-sourced' | 'job-each';

export const peerNames: PeerName[] = ['row-lock', 'optimistic', 'event-sourced', 'job-each'];

const startSeconds = 20;
// Holdfast has database 0.
const redisDatabase = 1;

const takenSql = 'SELECT taken FROM items WHERE sale_id = $1 AND sku = $2';
const holdsSql = `
  SELECT count(*)::integer AS holds, coalesce(sum(quantity), 0)::integer AS units
  FROM reservations WHERE sale_id = $1 AND sku = $2 AND status = 'held'`;
const takenByCountSql = `
  SELECT coalesce(sum(quantity), 0)::integer AS taken FROM reservations WHERE sale_id = $1 AND sku = $2`;
const takenByEventsSql =
  'SELECT taken FROM events WHERE sale_id = $1 AND sku = $2 ORDER BY version DESC LIMIT 1';
const holdsByEventsSql = `
  SELECT count(*)::integer AS holds, coalesce(sum(quantity), 0)::integer AS units
  FROM events WHERE sale_id = $1 AND sku = $2 AND type = 'held'`;

export async function startPeer(name: PeerName, stores: Stores, folder: string): Promise<Contestant> {
  const databaseUrl = await stores.createDatabase(`peer_${name.replaceAll('-', '_')}`);
  const settings = JSON.stringify({ databaseUrl, redisUrl: `${stores.redisUrl}/${redisDatabase}` });
  const server = startChild({
    file: join(import.meta.dirname, 'peers', `${name}.ts`),
    args: [settings],
    logFile: join(folder, `${name}.log`),
  });
  const { port } = await nextMessage<{ port: number }>(server, startSeconds);
  const worker = name === 'job-each' ? await startWorker(settings, folder) : null;
  const rows = new pg.Client({ connectionString: databaseUrl });
  // A query in progress reports the same; an idle connection ends only with the store.
  rows.on('error', () => undefined);
  await rows.connect();
  const byEvents = name === 'event-sourced';
  const unitsSql = byEvents ? takenByEventsSql : worker === null ? takenSql : takenByCountSql;
  let sales = 0;

  return {
    name,
    answersWhenHeld: worker === null,
    roles: () => ({
      server: [server.pid],
      ...(worker === null ? {} : { worker: [worker.pid], redis: [stores.redisPid] }),
      postgres: [stores.postgresPid],
    }),
    async openSale(stock) {
      sales += 1;
      const id = `sale-${sales}`;
      const answer = await fetch(`http://127.0.0.1:${port}/v1/sales`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id, sku, stock }),
      });
      if (answer.status !== 201) throw new Error(`${name} did not open a sale: ${await answer.text()}`);
      return {
        id,
        stock,
        port,
        path: `/v1/sales/${id}/reservations`,
        async unitsTaken() {
          const found = await rows.query(unitsSql, [id, sku]);
          return found.rows[0].taken;
        },
        async countHolds() {
          const found = await rows.query(byEvents ? holdsByEventsSql : holdsSql, [id, sku]);
          return found.rows[0];
        },
        retire: async () => undefined,
      };
    },
    async stop() {
      await rows.end();
      await Promise.all([server.stop(), worker?.stop()]);
    },
  };
}

/** The empty Hono server that figures are held against. */
export async function startBare(folder: string): Promise<{ port: number; child: Child }> {
  const child = startChild({
    file: join(import.meta.dirname, 'peers', 'bare.ts'),
    logFile: join(folder, 'bare.log'),
  });
  const { port } = await nextMessage<{ port: number }>(child, startSeconds);
  return { port, child };
}

async function startWorker(settings: string, folder: string): Promise<Child> {
  const worker = startChild({
    file: join(import.meta.dirname, 'peers', 'job-each-worker.ts'),
    args: [settings],
    logFile: join(folder, 'job-each-worker.log'),
  });
  await nextMessage(worker, startSeconds);
  return worker;
}
