/** A crowd at the processes of a stack, for tests that kill some of them under it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { until } from './sales.ts';

/** Where to buy and where to ask. */
export interface Shop {
  edges: readonly URL[];
  console: { url: URL; key: string };
}

export interface Rush {
  saleId: string;
  lasts(milliseconds: number): Promise<void>;
  /** Until so many more buyers have their ticket that all of them asked anew. */
  goesOn(): Promise<void>;
  end(): Promise<{ saleId: string; acknowledged: string[] }>;
}

/**
 * A steady crowd at both edges of a new sale, each buyer asking again with the same key until there is an answer; or, with
 * `untilGone`, until nobody is there to answer.
 */
export async function startRush(shop: Shop, { untilGone = false, patienceMs = 20_000 } = {}): Promise<Rush> {
  const saleId = `rush-${randomUUID().slice(0, 8)}`;
  const created = await askConsole(shop, '/v1/sales', {
    id: saleId,
    name: 'A rush',
    status: 'open',
    items: [{ sku: 'tee', stock: 1_000_000 }],
  });
  expect(created.status).toBe(201);
  const acknowledged: string[] = [];
  let open = true;
  const buyers = Array.from({ length: 8 }, async (_, lane) => {
    for (let turn = 0; open; turn++) {
      const ticketId = await buyWhateverHappens(shop, saleId, `${lane}-${turn}`, lane + turn, {
        untilGone,
        patienceMs,
      });
      if (ticketId === null) return;
      acknowledged.push(ticketId);
      await sleep(20);
    }
  });
  await until('the rush to be under way', async () => acknowledged.length > 30);
  return {
    saleId,
    lasts: (milliseconds) => sleep(milliseconds),
    async goesOn() {
      const before = acknowledged.length;
      await until('the rush to go on', async () => acknowledged.length > before + 30, patienceMs);
    },
    async end() {
      open = false;
      await Promise.all(buyers);
      return { saleId, acknowledged };
    },
  };
}

async function buyWhateverHappens(
  shop: Shop,
  saleId: string,
  buyerId: string,
  turn: number,
  { untilGone, patienceMs }: { untilGone: boolean; patienceMs: number },
): Promise<string | null> {
  const giveUpAt = performance.now() + patienceMs;
  for (let attempt = 0; performance.now() < giveUpAt; attempt++) {
    const edge = shop.edges[(turn + attempt) % shop.edges.length] as URL;
    const answer = await fetch(new URL(`/v1/sales/${saleId}/reservations`, edge), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': buyerId },
      body: JSON.stringify({ buyerId }),
      signal: AbortSignal.timeout(5_000),
    }).catch(() => null);
    if (answer === null && untilGone) return null;
    if (answer !== null && answer.status < 300) return ((await answer.json()) as { id: string }).id;
    await answer?.body?.cancel();
    if (answer !== null && answer.status !== 503) throw new Error(`A buyer was answered ${answer.status}`);
    await sleep(50);
  }
  throw new Error(`A buyer had no answer in ${patienceMs} ms`);
}

export function askConsole(shop: Shop, path: string, body?: object): Promise<Response> {
  return fetch(new URL(path, shop.console.url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${shop.console.key}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
}

/** Waits until the audit finds every law of the sale kept. */
export async function untilLawful(shop: Shop, saleId: string): Promise<void> {
  const audit = await until(
    `the audit of ${saleId} to hold`,
    async () => {
      const answer = await askConsole(shop, `/v1/sales/${saleId}/audit`).catch(() => null);
      if (answer === null || !answer.ok) return null;
      const verdict = (await answer.json()) as { ok: boolean; checks: { ok: boolean }[] };
      return verdict.ok ? verdict : null;
    },
    20_000,
  );
  expect(audit.checks.filter((check) => !check.ok)).toEqual([]);
}
