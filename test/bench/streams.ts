/**
 * P10: many open streams on one edge process. All their buyers hold a unit; some of them pay, and each of those
 * should see it soon after Postgres has committed it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nextMessage, startChild } from './child.ts';
import { planOf } from './crowd.ts';
import { everyone } from './growth.ts';
import type { Holdfast } from './holdfast.ts';
import type { Load } from './load-process.ts';
import type { StreamMessage, StreamPlan } from './stream-crowd.ts';

const streams = 10_000;
const paying = 1_000;
const paymentsPerSecond = 200;
const startSeconds = 20;
const openSeconds = 120;

export interface Streams {
  opened: number;
  /** Buyers who paid, and who were told. */
  paid: number;
  told: number;
  /** From the commit to the buyer's frame. */
  p50Ms: number;
  p99Ms: number;
}

/** Needs a Postgres that keeps commit timestamps. */
export async function measureStreams(holdfast: Holdfast, load: Load, folder: string): Promise<Streams> {
  const sale = await holdfast.openSale(streams);
  const crowd = everyone(streams, 'streams');
  const reserved = await load.run({ ...planOf(sale, crowd, load.nextBuyers(streams)), keepBodies: streams });
  const ticketIds = reserved.bodies.map((body) => (JSON.parse(body) as { id: string }).id);
  const givenUpAt = performance.now() + openSeconds * 1000;
  while ((await sale.unitsTaken()) < ticketIds.length && performance.now() < givenUpAt) await sleep(50);

  const child = startChild({
    file: join(import.meta.dirname, 'stream-crowd.ts'),
    logFile: join(folder, 'stream-crowd.log'),
  });
  try {
    await nextMessage(child, startSeconds);
    const opening = nextMessage<StreamMessage>(child, openSeconds);
    child.process.send({ port: holdfast.edgePort, ticketIds, awaited: '"confirmed"' } satisfies StreamPlan);
    const { opened } = (await opening) as { opened: number };

    const payers = ticketIds.slice(0, paying);
    const payments = await load.run({
      host: '127.0.0.1',
      port: holdfast.edgePort,
      connections: 50,
      requests: payers.length,
      limitSeconds: 60,
      ratePerSecond: paymentsPerSecond,
      ask: { kind: 'command', paths: payers.map((ticketId) => `/v1/tickets/${ticketId}/confirm`) },
    });
    await sleep(2_000);
    const reporting = nextMessage<StreamMessage>(child, startSeconds);
    child.process.send('report');
    const { told } = (await reporting) as { told: [string, number][] };

    const committedAt = await readCommitTimes(holdfast, payers);
    const delays = told
      .map(([ticketId, at]) => at - (committedAt.get(ticketId) ?? Number.NaN))
      .sort((a, b) => a - b);
    const at = (share: number) => delays[Math.max(0, Math.ceil(delays.length * share) - 1)] ?? Number.NaN;
    return { opened, paid: payments.answers['200'] ?? 0, told: told.length, p50Ms: at(0.5), p99Ms: at(0.99) };
  } finally {
    await child.stop();
    await sale.retire();
  }
}

async function readCommitTimes(holdfast: Holdfast, ticketIds: string[]): Promise<Map<string, number>> {
  const found = await holdfast.rows.query<{ ticket_id: string; at: number }>(
    `SELECT ticket_id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS at
     FROM reservations WHERE ticket_id = ANY ($1) AND status = 'confirmed'`,
    [ticketIds],
  );
  return new Map(found.rows.map((row) => [row.ticket_id, row.at]));
}
