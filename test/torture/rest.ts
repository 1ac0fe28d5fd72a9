/** After the torment: everything heals, the last units are sold, the sales are closed, and both stores say the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Good } from './crowd/goods.ts';
import type { Merchant } from './crowd/merchant.ts';
import type { Visit } from './crowd/visit.ts';
import { shardTag } from './evidence.ts';
import type { Stage } from './stage.ts';

const readyMs = 30_000;
const sellOutMs = 60_000;
const restMs = 45_000;
const lookAgainMs = 100;
const lastBuyersAtOnce = 6;

/** Sentences about what did not come to rest; none when all did. */
export async function bringToRest(
  stage: Stage,
  goods: readonly Good[],
  merchant: Merchant,
  visit: Visit,
  goHome: () => Promise<void>,
): Promise<string[]> {
  const late = await stage.untilReady(readyMs);
  if (late !== null) return [late];
  await Promise.all(goods.map((good) => merchant.resume(good)));
  await goHome();
  const database = new pg.Pool({ connectionString: stage.postgres.store.url, max: 4 });
  const redis = new Redis(stage.redis.store.url);
  database.on('error', () => undefined);
  try {
    await Promise.all(goods.map((good) => sellOut(database, good, visit)));
    for (const good of goods) await merchant.close(good);
    const restless: string[] = [];
    for (const good of goods) {
      const why = await untilAtRest(database, redis, good.saleId);
      if (why !== null) restless.push(why);
    }
    return restless;
  } finally {
    redis.disconnect();
    await database.end();
  }
}

/** One unit at a time is bought and paid until none is left, or for a minute: what is free then, nobody could buy. */
async function sellOut(database: pg.Pool, good: Good, visit: Visit): Promise<void> {
  const giveUpAt = performance.now() + sellOutMs;
  let number = 0;
  const lanes = Array.from({ length: lastBuyersAtOnce }, async (_, lane) => {
    while (performance.now() < giveUpAt && (await isLeft(database, good.saleId))) {
      for (const { sku } of good.items) {
        number += 1;
        const bought = await visit.buyOne(good, sku, `${good.saleId}-last-${lane}-${number}`);
        if (bought !== 'bought') await sleep(lookAgainMs);
      }
    }
  });
  await Promise.all(lanes);
}

/** Whether a unit is neither sold nor the house's: free, or held by somebody who may not pay. */
async function isLeft(database: pg.Pool, saleId: string): Promise<boolean> {
  const { rows } = await database.query(
    `select 1 from items where sale_id = $1 and taken - returned < stock
     union all select 1 from reservations where sale_id = $1 and status in ('queued', 'held', 'paid_late')
     limit 1`,
    [saleId],
  );
  return rows.length > 0;
}

async function untilAtRest(database: pg.Pool, redis: Redis, saleId: string): Promise<string | null> {
  const giveUpAt = performance.now() + restMs;
  for (;;) {
    const why = await unrestOf(database, redis, saleId);
    if (why === null || performance.now() > giveUpAt) return why;
    await sleep(lookAgainMs);
  }
}

async function unrestOf(database: pg.Pool, redis: Redis, saleId: string): Promise<string | null> {
  const ledger = await database.query<{ epoch: string; seq: string; position: string; open: string }>(
    `select epoch, committed_seq as seq, position,
            (select count(*) from reservations r where r.sale_id = g.sale_id and r.status in ('queued', 'held', 'paid_late')) as open
       from gates g where sale_id = $1`,
    [saleId],
  );
  const at = ledger.rows[0];
  if (at === undefined) return `${saleId} is not in the ledger`;
  if (at.open !== '0') return `${saleId}: ${at.open} reservations are still open`;
  const gate = await redis.hmget(`${shardTag}:sale:${saleId}`, 'epoch', 'seq', 'journal');
  const same = gate[0] === at.epoch && gate[1] === at.seq && gate[2] === at.position;
  return same
    ? null
    : `${saleId}: the gate is at epoch ${gate[0]}, seq ${gate[1]}, journal ${gate[2]}, the ledger at ${at.epoch}, ${at.seq}, ${at.position}`;
}
