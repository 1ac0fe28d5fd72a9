import type { Ticket } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, openTees } from '../support/sales.ts';

const races = 1_000;
const spreadMs = 5;
const longestLeadMs = 400;

describe('when a payment meets the deadline', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2, edges: 2, sweepEveryMs: 100 });
  });
  afterAll(() => house.close());

  it(`F32: two confirms, a cancel and the deadline within ${spreadMs} ms of each other, ${races} times: exactly one wins`, async () => {
    const sale = await openTees(house, races, { holdSeconds: 2 });
    const tickets = (await Promise.all(
      Array.from({ length: races }, (_, index) =>
        buy(house.edges[index % 2] ?? house.edge, sale, `b${index}`),
      ),
    )) as Ticket[];
    await atRest(house, sale);
    const held = await house.ledger.readReservations(
      sale,
      tickets.map((ticket) => ticket.id),
    );
    expect(held.every((reservation) => reservation.status === 'held')).toBe(true);

    await Promise.all(
      held.flatMap((reservation, index) => {
        // Half of them aim at the deadline itself; the others come ever earlier, so that on a slow machine, where all
        // are late, both sides of it are tried all the same.
        const earlyMs = index % 2 === 0 ? 0 : index % longestLeadMs;
        const at = (reservation.expiresAt ?? 0) - spreadMs + (index % (2 * spreadMs + 1)) - earlyMs;
        return [
          confirmAt(house, 0, reservation.ticketId, at, 'a'),
          confirmAt(house, 1, reservation.ticketId, at, 'b'),
          index % 3 === 0 ? cancelAt(house, reservation.ticketId, at) : Promise.resolve(),
        ];
      }),
    );
    await atRest(house, sale, 20_000);

    const units = await expectConservation(house, sale);
    const final = await house.ledger.readReservations(
      sale,
      tickets.map((ticket) => ticket.id),
    );
    for (const reservation of final) {
      const won = Object.values(reservation.outcomes).filter((outcome) => outcome === 'ok');
      expect(['confirmed', 'cancelled', 'expired']).toContain(reservation.status);
      expect(won, `${reservation.ticketId} ${reservation.status}`).toHaveLength(
        reservation.status === 'expired' ? 0 : 1,
      );
    }
    const { confirmed = 0, cancelled = 0, expired = 0 } = units['tee'] ?? {};
    expect(confirmed + cancelled + expired).toBe(races);
    // Both sides of the deadline were really tried.
    expect(confirmed).toBeGreaterThan(0);
    expect(expired).toBeGreaterThan(0);
  }, 60_000);
});

async function confirmAt(
  house: House,
  edge: number,
  ticketId: string,
  at: number,
  key: string,
): Promise<void> {
  await sleepUntil(at);
  await house.edges[edge]?.command({
    ticketId,
    kind: 'confirm',
    idempotencyKey: key,
    paymentRef: null,
    seconds: null,
  });
}

async function cancelAt(house: House, ticketId: string, at: number): Promise<void> {
  await sleepUntil(at);
  await house.edge.command({
    ticketId,
    kind: 'cancel',
    idempotencyKey: null,
    paymentRef: null,
    seconds: null,
  });
}

function sleepUntil(at: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
}
