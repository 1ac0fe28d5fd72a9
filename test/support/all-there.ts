import { expect } from 'vitest';
import type { Shop } from './rush.ts';
import { until } from './sales.ts';

/** Each ticket is known, decided, and what its buyer was told. */
export async function expectAllThere(shop: Shop, acknowledged: string[]): Promise<void> {
  expect(acknowledged.length).toBeGreaterThan(30);
  for (const id of acknowledged) {
    const ticket = await until(
      `ticket ${id} to be decided`,
      async () => {
        const answer = await fetch(new URL(`/v1/tickets/${id}`, shop.edges[0]));
        const body = (await answer.json()) as { status: string };
        return answer.status !== 503 && body.status !== 'queued' ? [answer.status, body.status] : null;
      },
      30_000,
    );
    expect([id, ...ticket]).toEqual([id, 200, 'held']);
  }
}
