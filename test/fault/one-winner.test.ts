import type { CommandRequest, Ticket } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { emptyRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { type Arrival, followIntake } from '../support/intake-follower.ts';
import { atRest, buy, openTees, until, untilDue } from '../support/sales.ts';

const races = 200;
const spreadMs = 5;

describe('when two things want the same hold', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2, edges: 2, sweepEveryMs: 100 });
  });
  afterAll(() => house.close());

  const at = (edge: number, ticket: Ticket, kind: CommandRequest['kind'], change = {}) =>
    tell(house.edges[edge % 2] ?? house.edge, ticket, kind, change);

  async function holds(sale: string, count: number): Promise<Ticket[]> {
    const tickets = (await Promise.all(
      Array.from({ length: count }, (_, index) => buy(house.edge, sale, `b${index}`)),
    )) as Ticket[];
    await atRest(house, sale);
    return tickets;
  }

  /** What each ticket is in the ledger, and what became of its commands, by the kind of them. */
  async function endings(sale: string, tickets: Ticket[]) {
    const rows = await house.ledger.readReservations(
      sale,
      tickets.map(({ id }) => id),
    );
    return new Map(
      rows.map((row) => [
        row.ticketId,
        {
          status: row.status,
          expiresAt: row.expiresAt,
          told: Object.entries(row.outcomes).map(([id, outcome]) => `${id.split('.')[0]} ${outcome}`),
        },
      ]),
    );
  }

  it('F33: a payment behind a deadline that nobody had noticed yet buys the unit while it is there, before any newcomer; else the money is owed back; without a payment it is too late', async () => {
    const sale = await openTees(house, 3, { holdSeconds: 1 });
    const [ann, bob, cem] = (await holds(sale, 3)) as [Ticket, Ticket, Ticket];
    house.freeze(sale);
    await untilDue(house, sale);
    await at(0, ann, 'confirm', { paymentRef: 'paid by ann' });
    await at(0, bob, 'confirm');
    await house.desk.change(sale, { holdSeconds: 300 }, null);
    house.thaw(sale);
    await until('all holds to be over', async () => {
      const seen = await statuses(house.edge, ann, bob, cem);
      return seen.join() === 'confirmed,expired,expired' ? seen : null;
    });
    expect(Object.values((await read(house.edge, bob)).outcomes)).toEqual(['hold_expired']);
    for (const newcomer of ['dee', 'eve']) await reserve(house.edge, sale, newcomer);
    await at(1, cem, 'confirm', { paymentRef: 'paid by cem' });
    await until('cem to be owed', async () => (await read(house.edge, cem)).status === 'refund_due');
    expect(await expectConservation(house, sale)).toEqual({
      tee: { confirmed: 1, expired: 1, held: 2, refund_due: 1 },
    });
  });

  it('F34: a confirm that comes eight times at two edges, and again after the gate forgot everything, is one sale and one answer', async () => {
    const sale = await openTees(house, 20);
    const tickets = await holds(sale, 20);
    const paid = (ticket: Ticket) => ({ paymentRef: `paid for ${ticket.seq}` });
    await Promise.all(
      tickets.flatMap((ticket) =>
        Array.from({ length: 8 }, (_, turn) => at(turn, ticket, 'confirm', paid(ticket))),
      ),
    );
    await atRest(house, sale);
    await emptyRedis(house);
    for (const ticket of tickets) {
      const again = await until('the gate to be back', async () => {
        const answer = await at(ticket.seq, ticket, 'confirm', paid(ticket));
        return answer.kind === 'refused' && answer.code === 'gate_unavailable' ? null : answer;
      });
      expect(again).toMatchObject({ kind: 'decided', outcome: 'ok', ticket: { status: 'confirmed' } });
      await at(ticket.seq, ticket, 'confirm', { paymentRef: 'somebody else paid too' });
    }
    await atRest(house, sale);
    for (const { status, told } of (await endings(sale, tickets)).values()) {
      expect(status).toBe('confirmed');
      expect(told.sort()).toEqual(['confirm already_confirmed', 'confirm ok']);
    }
    const sold = await house.rows<{ times: string }>(
      `select count(*) as times from events where sale_id = $1 and type = 'confirmed' group by ticket_id`,
      [sale],
    );
    expect(sold.map(({ times }) => Number(times))).toEqual(tickets.map(() => 1));
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 20 } });
  });

  it(`F35: confirm and cancel at the same millisecond at two edges, ${races} times: exactly one wins, the other is told which, and a payment that lost is owed back`, async () => {
    const sale = await openTees(house, races);
    const tickets = await holds(sale, races);
    const isPaid = (index: number) => index % 5 === 0;
    await Promise.all(
      tickets.map((ticket, index) => {
        const confirm = () =>
          at(index, ticket, 'confirm', isPaid(index) ? { paymentRef: `paid by ${index}` } : {});
        const cancel = () => at(index + 1, ticket, 'cancel');
        // Neither is always the first to be sent.
        return Promise.all((index % 8 < 4 ? [confirm, cancel] : [cancel, confirm]).map((call) => call()));
      }),
    );
    await atRest(house, sale);
    const ends = await endings(sale, tickets);
    for (const [index, ticket] of tickets.entries()) {
      const { status, told } = ends.get(ticket.id) ?? { status: 'lost', told: [] };
      const possible = isPaid(index)
        ? { confirmed: ['cancel already_confirmed', 'confirm ok'], refund_due: ['cancel ok', 'confirm ok'] }
        : {
            confirmed: ['cancel already_confirmed', 'confirm ok'],
            cancelled: ['cancel ok', 'confirm already_cancelled'],
          };
      expect(Object.keys(possible)).toContain(status);
      expect(told.sort(), `${status} ${index}`).toEqual(possible[status as keyof typeof possible]);
    }
    const {
      confirmed = 0,
      cancelled = 0,
      refund_due: owed = 0,
    } = (await expectConservation(house, sale))['tee'] ?? {};
    expect(confirmed + cancelled + owed).toBe(races);
    expect(Math.min(confirmed, cancelled, owed), 'each of them won some').toBeGreaterThan(0);
    expect(await house.edge.readSale(sale)).toMatchObject({
      sale: { items: [{ available: cancelled + owed }] },
    });
  });

  it.each(['look', 'stand still'])(
    `F36: extend within ${spreadMs} ms of the deadline while the workers %s: in time it moves the deadline, a millisecond later the hold is over`,
    async (workers) => {
      const sale = await openTees(house, races, { holdSeconds: 1 });
      const arrivals = new Map<string, Arrival>();
      const follower = followIntake(house.redis.url, sale, (arrival) => {
        if (arrival.kind === 'extend') arrivals.set(arrival.ticketId, arrival);
      });
      const tickets = await holds(sale, races);
      const before = await endings(sale, tickets);
      const deadlineOf = (ticket: Ticket) => before.get(ticket.id)?.expiresAt ?? 0;
      if (workers === 'stand still') house.freeze(sale);
      await Promise.all(
        tickets.map(async (ticket, index) => {
          // Half of them ever earlier: a slow machine is in time for those.
          const earlyMs = index % 2 === 0 ? 0 : index;
          const when = deadlineOf(ticket) - spreadMs + (index % (2 * spreadMs + 1)) - earlyMs;
          await new Promise((resolve) => setTimeout(resolve, Math.max(0, when - Date.now())));
          await at(index, ticket, 'extend', { seconds: 100 });
        }),
      );
      house.thaw(sale);
      await until('no hold to be overdue', async () => {
        await atRest(house, sale);
        const [due] = await house.ledger.dueHolds(sale, Date.now(), 1);
        return due === undefined;
      });
      await follower.close();
      const after = await endings(sale, tickets);
      if (workers === 'stand still') expect(arrivals.size, 'nothing was trimmed unseen').toBe(races);
      for (const ticket of tickets) {
        const arrival = arrivals.get(ticket.id);
        if (arrival === undefined) continue;
        const end = after.get(ticket.id);
        expect(end, `${arrival.at - deadlineOf(ticket)} ms after the deadline`).toEqual(
          arrival.at <= deadlineOf(ticket)
            ? { status: 'held', expiresAt: deadlineOf(ticket) + 100_000, told: ['extend ok'] }
            : { status: 'expired', expiresAt: null, told: ['extend hold_expired'] },
        );
      }
      const { held = 0, expired = 0 } = (await expectConservation(house, sale))['tee'] ?? {};
      expect(held + expired).toBe(races);
      expect(Math.min(held, expired), 'both sides of the deadline were tried').toBeGreaterThan(0);
      await house.desk.change(sale, { holdSeconds: 300 }, null);
      for (let buyer = 0; buyer < expired; buyer += 1) await reserve(house.edge, sale, `again${buyer}`);
      expect(await ask(house.edge, sale, 'one too many')).toMatchObject({ code: 'sold_out' });
      await expectConservation(house, sale);
    },
    30_000,
  );
});
