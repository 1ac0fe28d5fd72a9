/** The evidence of one round, as the checker reads it. */
import { appendFileSync, createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { readGate } from '../checker/read-gate.ts';
import type { Good } from './crowd/goods.ts';
import type { FaultDone } from './nemesis.ts';
import type { Stage } from './stage.ts';

const exportMs = 60_000;
const attempts = 10;

export async function writeEvidence(
  folder: string,
  stage: Stage,
  goods: readonly Good[],
  faults: readonly FaultDone[],
  atRest: boolean,
): Promise<void> {
  const sales = goods.map(({ saleId, holdSeconds, perBuyerLimit, waitlist, items }) => ({
    saleId,
    holdSeconds,
    perBuyerLimit,
    waitlist,
    lobby: false,
    items,
    demandWasEnough: atRest,
    closedAtRest: atRest,
  }));
  writeFileSync(join(folder, 'sales.json'), `${JSON.stringify(sales, null, 2)}\n`);
  writeFileSync(join(folder, 'faults.ndjson'), '');
  for (const fault of faults) appendFileSync(join(folder, 'faults.ndjson'), `${JSON.stringify(fault)}\n`);
  for (const { saleId } of goods) {
    await download(stage, `/v1/sales/${saleId}/journal`, join(folder, `journal-${saleId}.ndjson`));
    await download(stage, `/v1/sales/${saleId}/reservations`, join(folder, `rows-${saleId}.ndjson`));
  }
  const redis = new Redis(stage.redis.store.url);
  redis.on('error', () => undefined);
  try {
    for (const { saleId } of goods) {
      const gate = await readGate(redis, shardTag, saleId);
      if (gate !== null) writeFileSync(join(folder, `gate-${saleId}.json`), JSON.stringify(gate));
    }
  } finally {
    redis.disconnect();
  }
}

/** Of the only shard. */
export const shardTag = '{s0}';

async function download(stage: Stage, path: string, file: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(new URL(path, stage.consoleUrl), {
        headers: { Authorization: `Bearer ${stage.adminKey}`, Accept: 'application/x-ndjson' },
        signal: AbortSignal.timeout(exportMs),
      });
      if (!response.ok || response.body === null) throw new Error(`The console answered ${response.status}`);
      await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
      return;
    } catch (cause) {
      if (attempt === attempts) throw new Error(`exporting ${path}`, { cause });
      await sleep(500);
    }
  }
}
