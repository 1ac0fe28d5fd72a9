import type { RunLedger, WorkerGate } from '@holdfast/core';
import { createWorkerGate } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import { createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, untilDue } from '../support/sales.ts';

class Killed extends Error {}

/** The run dies at this verb, or right behind it, as a killed process would: nothing after it happens. */
function dying<Room extends object>(room: Room, verb: keyof Room, when: 'before' | 'after'): Room {
  return {
    ...room,
    [verb]: async (...args: unknown[]) => {
      if (when === 'after') await (room[verb] as (...args: unknown[]) => Promise<unknown>)(...args);
      throw new Killed(String(verb));
    },
  };
}

describe('when a commit run is killed, frozen or doubled', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  async function dieAt(saleId: string, parts: { ledger?: RunLedger; gate?: WorkerGate }): Promise<void> {
    const committer = createCommitter({
      ledger: parts.ledger ?? house.ledger,
      gate: parts.gate ?? house.gate,
    });
    await expect(committer.commitSale(saleId)).rejects.toThrow(Killed);
  }

  it('F17: killed before its commit, the next run decides the same entries', async () => {
    const sale = await openTees(house, 10);
    for (const buyer of ['ann', 'bob', 'cem']) await buy(house.edge, sale, buyer);
    await dieAt(sale, { ledger: dying(house.ledger, 'commitRun', 'before') });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 3 } });
  });

  it('F18: killed between COMMIT and settling, the ticket is held once and its buyer is told', async () => {
    const sale = await openTees(house, 10);
    const ticket = await buy(house.edge, sale, 'ann');
    await dieAt(sale, { ledger: dying(house.ledger, 'commitRun', 'after') });
    expect(await house.edge.readTicket(ticket?.id ?? '')).toMatchObject({ ticket: { status: 'queued' } });
    await house.commit(sale);
    expect(await house.edge.readTicket(ticket?.id ?? '')).toMatchObject({
      ticket: { status: 'held', version: 2 },
    });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('F20: frozen with its decisions made, it wakes to find that they no longer count', async () => {
    const sale = await openTees(house, 3, { holdSeconds: 1 });
    for (const buyer of ['ann', 'bob', 'cem']) await buy(house.edge, sale, buyer);
    await house.commit(sale);
    await untilDue(house, sale);
    let thaw = () => {};
    let frozen = () => {};
    const isFrozen = new Promise<void>((resolve) => {
      frozen = resolve;
    });
    const thawed = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const freezing: RunLedger = {
      ...house.ledger,
      async commitRun(...args) {
        frozen();
        await thawed;
        return house.ledger.commitRun(...args);
      },
    };
    const sleeper = createCommitter({ ledger: freezing, gate: house.gate }).commitSale(sale);
    await isFrozen;
    await house.commit(sale);
    for (const buyer of ['dee', 'eva', 'fay']) expect(await buy(house.edge, sale, buyer)).not.toBeNull();
    await house.commit(sale);
    thaw();
    await sleeper;
    expect(await expectConservation(house, sale)).toEqual({ tee: { expired: 3, held: 3 } });
  });

  it('F21: eight runs of one sale at once commit every entry once and in order', async () => {
    const sale = await openTees(house, 500);
    const parts = await Promise.all(
      Array.from({ length: 8 }, async () => ({
        ledger: createLedger({ url: house.databaseUrl, maxConnections: 2 }),
        gate: await createWorkerGate({ redisUrl: house.redis.url }),
      })),
    );
    try {
      const buying = Promise.all(
        Array.from({ length: 600 }, (_, index) => buy(house.edge, sale, `b${index}`)),
      );
      const committers = parts.map((part) => createCommitter(part));
      for (let round = 0; round < 5; round++)
        await Promise.all(committers.map((one) => one.commitSale(sale)));
      const tickets = await buying;
      await house.commit(sale);
      expect(tickets.filter((ticket) => ticket !== null)).toHaveLength(500);
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 500 } });
      const journal = await house.ledger.journal(sale, 0, 1_000);
      const seqs = journal.filter((event) => event.type === 'held').map((event) => event.data.seq ?? 0);
      expect(seqs).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
    } finally {
      await Promise.all(parts.flatMap((part) => [part.ledger.close(), part.gate.close()]));
    }
  });

  it('F40: a run that is killed between expiring holds and handing back gives each unit back once', async () => {
    const sale = await openTees(house, 5, { holdSeconds: 1 });
    for (let buyer = 0; buyer < 5; buyer++) await buy(house.edge, sale, `b${buyer}`);
    await house.commit(sale);
    await untilDue(house, sale);
    await dieAt(sale, { ledger: dying(house.ledger, 'commitRun', 'after') });
    const worker = await house.addWorker();
    await atRest(house, sale);
    await worker.close();
    expect(await expectConservation(house, sale)).toEqual({ tee: { expired: 5 } });
    const bought = await buyMany(house.edge, sale, 'again-', 8);
    expect(bought.filter((ticket) => ticket !== null)).toHaveLength(5);
  });

  it('F41: the same piece of the journal settled twice, late and out of order hands nothing back twice', async () => {
    const sale = await openTees(house, 5);
    const tickets = await buyMany(house.edge, sale, 'b', 5);
    await house.commit(sale);
    for (const ticket of tickets) {
      await house.edge.command({
        ticketId: ticket?.id ?? '',
        kind: 'cancel',
        idempotencyKey: null,
        paymentRef: null,
        seconds: null,
      });
    }
    await house.commit(sale);
    const whole = await house.ledger.settlement(sale, 0, 100);
    const first = await house.ledger.settlement(sale, 0, 2);
    if (whole === null || first === null) throw new Error('The sale has a journal');
    for (const piece of [whole, first, whole, first]) {
      expect(await house.gate.settle(piece)).toMatchObject({ kind: 'settled' });
    }
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 5 } });
    const view = await house.edge.readSale(sale);
    expect(view).toMatchObject({ sale: { items: [{ available: 5 }] } });
  });
});
