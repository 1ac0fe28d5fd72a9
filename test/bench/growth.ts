/** P11 and P12: whether it stays as cheap when there is more of everything, and as right with more workers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CrowdResult, runCrowd } from './crowd.ts';
import type { Holdfast } from './holdfast.ts';
import type { Load } from './load-process.ts';
import { median } from './statistics.ts';

// A crowd, and not a few: many more at once than any pool has clients.
const connections = 256;
const workerCounts = [1, 2, 4];

export interface WorkerRound {
  workers: number;
  holdsPerSecond: number;
  disorder: number;
  broken: string[];
}

export async function measureWorkers(holdfast: Holdfast, load: Load, stock: number): Promise<WorkerRound[]> {
  const rounds: WorkerRound[] = [];
  for (const workers of workerCounts) {
    await holdfast.setWorkers(workers);
    await runCrowd(holdfast, load, everyone(Math.min(stock, 1_000), 'warm-up'));
    const sale = await holdfast.openSale(stock);
    const result = await runCrowd(holdfast, load, everyone(stock, `everyone, ${workers} workers`), sale);
    const disorder = await holdfast.countDisorder(sale);
    rounds.push({
      workers,
      holdsPerSecond: result.holdsPerSecond ?? 0,
      disorder,
      broken:
        disorder === 0 ? result.broken : [...result.broken, `${result.crowd}: ${disorder} out of order`],
    });
  }
  await holdfast.setWorkers(1);
  return rounds;
}

export interface Growth {
  /** CPU us per reservation of a sale's first ten thousand, and after a million. */
  first: number;
  afterMillion: number;
  /** With one sale open, and with a thousand. */
  alone: number;
  amongThousand: number;
  broken: string[];
}

export async function measureGrowth(holdfast: Holdfast, load: Load): Promise<Growth> {
  const portion = 10_000;
  const filling = 98;
  const broken: string[] = [];
  const grown = await holdfast.openSale(portion * (filling + 6));
  const first = await costOf(grown, 3);
  for (let part = 0; part < filling; part += 1) await reserve(grown);
  const afterMillion = await costOf(grown, 3);
  await grown.retire();

  const alone = await costOf(await holdfast.openSale(portion * 3), 3);
  const others = [];
  for (let sale = 1; sale < 1_000; sale += 1) others.push(await holdfast.openSale(1));
  await sleep(2_000);
  const amongThousand = await costOf(await holdfast.openSale(portion * 3), 3);
  for (const sale of others) await sale.retire();
  return { first, afterMillion, alone, amongThousand, broken };

  async function costOf(sale: Awaited<ReturnType<Holdfast['openSale']>>, times: number): Promise<number> {
    const costs: number[] = [];
    for (let time = 0; time < times; time += 1) costs.push((await reserve(sale)).cpuMicrosPerHold);
    return median(costs);
  }

  async function reserve(sale: Awaited<ReturnType<Holdfast['openSale']>>): Promise<CrowdResult> {
    const result = await runCrowd(holdfast, load, everyone(portion, 'growth'), sale);
    broken.push(...result.broken);
    return result;
  }
}

/** As many buyers as units. */
export function everyone(stock: number, title = 'everyone') {
  return { title, stock, requests: stock, connections, limitSeconds: 60 };
}
