import { type InsideJson, isoTime, refusalProblem } from '@holdfast/contracts';
import type { EdgeGate } from '@holdfast/core';
import { type Handle, json } from '../call.ts';
import type { GateTotals } from '../metrics.ts';

/** `GET /v1/inside`: sums for the page that shows the inside; no buyer and no ticket is in them. */
export function lookInside(
  gate: EdgeGate & { totals(): GateTotals },
  streams: { ticket: number; sale: number },
  peers: readonly string[],
): Handle {
  return async (_c, requestId) => {
    const read = await gate.listSales();
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    const { admitted, batches, refused, waiting } = gate.totals();
    const items = read.sales.flatMap((sale) => sale.items);
    const inside: InsideJson = {
      admitted,
      batches,
      refused: Object.fromEntries(refused),
      streams,
      waiting,
      sales: read.sales.length,
      available: sum(items.map((item) => item.available)),
      stock: sum(items.map((item) => item.stock)),
      events: sum(read.sales.map((sale) => sale.journal.count)),
      peers: [...peers],
      serverTime: isoTime(Date.now()),
    };
    return json(200, inside, { 'Cache-Control': 'public, max-age=1' });
  };
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
