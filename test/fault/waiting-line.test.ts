import type { RunLedger, Ticket, WorkerGate } from '@holdfast/core';
import { createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, emptyRedis, Killed } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, openTees, until } from '../support/sales.ts';

describe('when a unit comes back while others wait', () => {
  let house: House;
  /** Without workers: its runs die where a test says. */
  let still: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2, edges: 2, sweepEveryMs: 100 });
    still = await openHouse({ workers: 0 });
  });
  afterAll(async () => {
    await house.close();
    await still.close();
  });

  const many = (name: string, count: number, sale: string) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        reserve(house.edges[index % 2] ?? house.edge, sale, `${name}${index}`),
      ),
    );
  const bySeq = (tickets: Ticket[]) => [...tickets].sort((a, b) => a.seq - b.seq);

  it('F43: twenty units come back at once, forty wait and sixty newcomers press Buy at two edges: the first twenty in line have them', async () => {
    const sale = await openTees(house, 20, { waitlist: true });
    const first = await many('first', 20, sale);
    const waiting = await many('waits', 40, sale);
    await atRest(house, sale);
    const [, newcomers] = await Promise.all([
      Promise.all(first.map((ticket, index) => tell(house.edges[index % 2] ?? house.edge, ticket, 'cancel'))),
      many('new', 60, sale),
    ]);
    // Units that come back by themselves, in the middle of it, go the same way.
    await until('every unit to have its next owner', async () => {
      await atRest(house, sale);
      const [held] = await house.rows<{ count: string }>(
        `select count(*) as count from reservations where sale_id = $1 and status = 'held'`,
        [sale],
      );
      return Number(held?.count) === 20;
    });
    const line = bySeq(waiting);
    expect(await statuses(house.edge, ...line)).toEqual(
      line.map((_, place) => (place < 20 ? 'held' : 'waitlisted')),
    );
    expect(new Set(await statuses(house.edge, ...newcomers))).toEqual(new Set(['waitlisted']));
    expect(await expectConservation(house, sale)).toEqual({
      tee: { cancelled: 20, held: 20, waitlisted: 80 },
    });
  });

  const deaths: [string, (house: House) => { ledger: RunLedger; gate: WorkerGate }][] = [
    [
      'before the ledger has it back',
      ({ ledger, gate }) => ({ ledger: dying(ledger, 'commitRun', 'before'), gate }),
    ],
    [
      'before the gate hears of it',
      ({ ledger, gate }) => ({ ledger, gate: dying(gate, 'settle', 'before') }),
    ],
    [
      'when the gate has granted it',
      ({ ledger, gate }) => ({ ledger, gate: dying(gate, 'settle', 'after') }),
    ],
    [
      'before the ledger knows who has it',
      ({ ledger, gate }) => ({ ledger: dying(ledger, 'commitRun', 'before', 2), gate }),
    ],
    [
      'when the ledger knows, and nobody else',
      ({ ledger, gate }) => ({ ledger: dying(ledger, 'commitRun', 'after', 2), gate }),
    ],
  ];
  for (const [loss, lose] of [
    ['Redis keeps all', async () => undefined],
    ['Redis is emptied', emptyRedis],
  ] as const) {
    it.each(deaths)(
      `F44: a worker dies %s, and ${loss}: the unit is granted once, to the next in line`,
      async (_, parts) => {
        const sale = await openTees(still, 1, { waitlist: true });
        const ann = await reserve(still.edge, sale, 'ann');
        const bob = await reserve(still.edge, sale, 'bob');
        const cem = await reserve(still.edge, sale, 'cem');
        await still.commit(sale);
        await tell(still.edge, ann, 'cancel');
        await expect(createCommitter(parts(still)).commitSale(sale)).rejects.toThrow(Killed);
        // Acknowledged at the gate alone, it goes with the gate: then ann has the hold still, and gives it back again.
        await lose(still);
        await still.commit(sale);
        await tell(still.edge, ann, 'cancel');
        await still.commit(sale);
        expect(await statuses(still.edge, ann, bob, cem)).toEqual(['cancelled', 'held', 'waitlisted']);
        const dee = await reserve(still.edge, sale, 'dee');
        await still.commit(sale);
        expect(await statuses(still.edge, dee)).toEqual(['waitlisted']);
        const granted = await still.rows<{ ticket_id: string }>(
          `select ticket_id from events where sale_id = $1 and type = 'held' order by position`,
          [sale],
        );
        expect(granted.map(({ ticket_id: id }) => id)).toEqual([ann.id, bob.id]);
        expect(await expectConservation(still, sale)).toEqual({
          tee: { cancelled: 1, held: 1, waitlisted: 2 },
        });
      },
    );
  }

  it('F45: those who are promoted never come: one hold after the other lapses, down the line, and then a newcomer has the unit', async () => {
    const sale = await openTees(house, 1, { waitlist: true, holdSeconds: 1 });
    const line: Ticket[] = [];
    for (const name of ['ann', 'bob', 'cem', 'dee']) line.push(await reserve(house.edge, sale, name));
    await until(
      'the last of them to be over',
      async () => {
        const seen = await statuses(house.edge, ...line);
        return seen.every((status) => status === 'expired');
      },
      30_000,
    );
    const journal = await house.ledger.journal(sale, 0, 100);
    const story = journal.filter(({ type }) => type === 'held' || type === 'expired');
    expect(story.map(({ type, ticketId }) => `${type} ${ticketId}`)).toEqual(
      line.flatMap(({ id }) => [`held ${id}`, `expired ${id}`]),
    );
    for (const [index, event] of story.entries()) {
      if (event.type !== 'held') continue;
      expect(event.data.expiresAt, 'the whole hold time').toBe(event.at + 1_000);
      expect(story[index + 1]?.at, 'and not a millisecond less').toBeGreaterThan(event.data.expiresAt ?? 0);
    }
    await house.desk.change(sale, { holdSeconds: 300 }, null);
    const eve = await reserve(house.edge, sale, 'eve');
    expect((await tell(house.edge, eve, 'confirm')).kind).toBe('appended');
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, expired: 4 } });
    expect(await ask(house.edge, sale, 'fay')).toMatchObject({ kind: 'admitted' });
    await expectConservation(house, sale);
  }, 40_000);
});
