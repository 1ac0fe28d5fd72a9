import type { Ticket } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { type Arrival, followIntake } from '../support/intake-follower.ts';
import { atRest, buy, openTees } from '../support/sales.ts';

const races = 1_000;
const spreadMs = 5;

describe('when a payment meets the deadline', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2, edges: 2, sweepEveryMs: 100 });
  });
  afterAll(() => house.close());

  it(`F32: two confirms, a cancel and the deadline within ${spreadMs} ms of each other, ${races} times: exactly one wins, the one who came first`, async () => {
    // How long this machine takes for so many, so that nobody is late for their own deadline.
    const begunAt = performance.now();
    await buyAll(house, await openTees(house, races));
    const tookMs = performance.now() - begunAt;
    const sale = await openTees(house, races, { holdSeconds: 1 + Math.ceil((2 * tookMs) / 1_000) });
    const longestLeadMs = Math.ceil(400 + tookMs / 2);
    const tickets = await buyAll(house, sale);
    const held = await house.ledger.readReservations(
      sale,
      tickets.map((ticket) => ticket.id),
    );
    expect(held.every((reservation) => reservation.status === 'held')).toBe(true);

    const arrivals = new Map<string, Arrival[]>();
    const follower = followIntake(house.redis.url, sale, (arrival) => {
      arrivals.set(arrival.ticketId, [...(arrivals.get(arrival.ticketId) ?? []), arrival]);
    });
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
    await follower.close();

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
    const before = new Map(held.map((reservation) => [reservation.ticketId, reservation.expiresAt ?? 0]));
    let judged = 0;
    for (const { ticketId, status, outcomes } of final) {
      const seen = arrivals.get(ticketId)?.filter(({ kind }) => kind !== 'reserve') ?? [];
      // The intake is trimmed as it is decided: where all commands were seen, it is known who came first.
      if (seen.length !== Object.keys(outcomes).length) continue;
      judged += 1;
      const deadline = before.get(ticketId) ?? 0;
      const first = seen.find(({ at }) => at <= deadline)?.kind ?? 'expire';
      const won = { confirm: 'confirmed', cancel: 'cancelled', expire: 'expired' }[first];
      const story = seen.map(({ kind, at }) => `${kind} ${at - deadline} ms after the deadline`);
      expect(status, story.join(', ')).toBe(won);
    }
    expect(judged, 'races in which it is known who was first').toBeGreaterThan(races / 10);
    const { confirmed = 0, cancelled = 0, expired = 0 } = units['tee'] ?? {};
    expect(confirmed + cancelled + expired).toBe(races);
    // Both sides of the deadline were really tried.
    expect(confirmed).toBeGreaterThan(0);
    expect(expired).toBeGreaterThan(0);
  }, 120_000);
});

async function buyAll(house: House, sale: string): Promise<Ticket[]> {
  const tickets = await Promise.all(
    Array.from({ length: races }, (_, index) => buy(house.edges[index % 2] ?? house.edge, sale, `b${index}`)),
  );
  await atRest(house, sale, 30_000);
  return tickets as Ticket[];
}

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
