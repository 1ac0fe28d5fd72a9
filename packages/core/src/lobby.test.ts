import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRun, type RunInput, type RunResult } from './decide-run.ts';
import type { CommandEntry, IntakeEntry, PlaceEntry, ReserveEntry } from './entry.ts';
import { evolve } from './evolve.ts';
import { countsForBuyer, holdsUnits, type Reservation, unitsOf } from './reservation.ts';
import { isDrawDue, type Sale, type SaleStatus } from './sale.ts';

const now = 1_000_000;
const commitment = 'c'.repeat(64);
const drawn = { commitment, beacon: null, result: { seed: 's', members: 3, listHash: 'l' } };
const gathering = { commitment, beacon: null, result: null };

let seq = 0;
const base = (ticketId: string, admitted: boolean) => {
  seq += 1;
  return {
    seq,
    id: ticketId,
    ticketId,
    admitted,
    at: now - 100,
    tip: `tip${seq}`,
    buyerId: `buyer-${ticketId}`,
  };
};
const tees = (quantity: number) => [{ sku: 'tee', quantity, unitPriceMinor: 4_900 }];
const join = (ticketId: string, quantity = 1): ReserveEntry => ({
  ...base(ticketId, false),
  kind: 'join',
  lines: tees(quantity),
  idempotencyKey: null,
  fingerprint: null,
});
const place = (ticketId: string, number: number, admitted = true, quantity = 1): PlaceEntry => ({
  ...base(ticketId, admitted),
  id: `draw.${number}`,
  kind: 'place',
  lines: tees(quantity),
  number,
});
const cancel = (ticketId: string): CommandEntry => {
  const { buyerId: _, ...rest } = base(ticketId, false);
  return { ...rest, id: `cancel.${ticketId}`, kind: 'cancel', paymentRef: null, seconds: null, reason: null };
};

function input(rows: readonly Reservation[], rules: Partial<RunInput['rules']> = {}, stock = 5): RunInput {
  return {
    saleId: 's',
    epoch: 2,
    rules: {
      holdSeconds: 300,
      extension: null,
      perBuyerLimit: null,
      waitlist: false,
      status: 'open',
      draw: drawn,
      ...rules,
    },
    items: new Map([['tee', { stock, taken: 0, returned: 0 }]]),
    reservations: new Map(rows.map((row) => [row.ticketId, row])),
    used: new Map(),
    known: new Set(rows.map((row) => row.ticketId)),
  };
}

const run = (given: RunInput, ...entries: IntakeEntry[]): RunResult => decideRun(given, entries, [], now);

/** Rows of members as the ledger has them after they joined. */
function members(...ticketIds: string[]): Reservation[] {
  const joined = ticketIds.map((ticketId) => join(ticketId));
  return run(input([], { status: 'lobby', draw: gathering }), ...joined).inserted;
}

describe('who joins a lobby', () => {
  it('has a row without units, a place of joining, and nothing more to be told', () => {
    const entry = join('a', 2);
    const result = run(input([], { status: 'lobby', draw: gathering }), entry);
    expect(result.inserted).toMatchObject([{ status: 'lobby', version: 1, seq: entry.seq, expiresAt: null }]);
    expect(result.events).toMatchObject([
      { type: 'joined', data: { seq: entry.seq, epoch: 2, tip: entry.tip } },
    ]);
    expect(result).toMatchObject({ taken: new Map(), returned: new Map(), released: new Map(), waiting: 0 });
  });

  it.each([
    ['was drawn', { status: 'open' as const, draw: drawn }],
    ['was closed before', { status: 'closed' as const, draw: gathering }],
  ])('too late, since it %s, is told so', (_, rules) => {
    const { inserted } = run(input([], rules), join('a'));
    expect(inserted).toMatchObject([{ status: 'rejected', reason: 'closed', version: 2 }]);
  });

  it('twice, since the gate had forgotten it, is there once, and nothing is given back that was never claimed', () => {
    const result = run(input(members('a')), join('a'));
    expect(result).toMatchObject({ inserted: [], updated: [], released: new Map() });
  });
});

describe('who is drawn', () => {
  it('holds the units that the gate gave, in the place that was drawn', () => {
    const entry = place('a', 1);
    const result = run(input(members('a')), entry);
    expect(result.updated).toMatchObject([
      { status: 'held', version: 3, seq: entry.seq, epoch: 2, tip: entry.tip, expiresAt: now + 300_000 },
    ]);
    expect(result.placed).toEqual(result.updated);
    expect(result.events).toMatchObject([{ type: 'held', data: { place: 1, seq: entry.seq } }]);
    expect(result).toMatchObject({ drawnTo: 1, taken: new Map([['tee', 1]]), returned: new Map() });
  });

  it('behind the stock is told that it is sold out, or waits where there is a waitlist', () => {
    const [rejected] = run(input(members('a')), place('a', 1, false)).updated;
    expect(rejected).toMatchObject({ status: 'rejected', reason: 'sold_out', version: 3 });
    const waits = run(input(members('a'), { waitlist: true }), place('a', 1, false));
    expect(waits.updated).toMatchObject([{ status: 'waitlisted' }]);
    expect(waits.waiting).toBe(1);
  });

  it('is told that the sale is over when it ended before, and the units go back', () => {
    const result = run(input(members('a'), { status: 'closed' }), place('a', 1));
    expect(result.updated).toMatchObject([{ status: 'rejected', reason: 'closed' }]);
    expect(result).toMatchObject({ taken: new Map([['tee', 1]]), returned: new Map([['tee', 1]]) });
  });

  it('and had given up, or was placed before, hands the units back and stays what it is', () => {
    const rows = members('a', 'b');
    const result = run(input(rows), cancel('a'), place('a', 1), place('b', 2), place('b', 2));
    expect(result.updated.map(({ status }) => status)).toEqual(['cancelled', 'held']);
    expect(result).toMatchObject({
      taken: new Map([['tee', 3]]),
      returned: new Map([['tee', 2]]),
      drawnTo: 2,
    });
    expect(result.released).toEqual(
      new Map([
        ['buyer-a', 1],
        ['buyer-b', 1],
      ]),
    );
  });

  it('with more than the limit by now gets nothing', () => {
    const [row] = run(input(members('a'), { perBuyerLimit: 1 }), place('a', 1, true, 2)).updated;
    expect(row).toMatchObject({ status: 'rejected', reason: 'limit_reached' });
  });

  it('of a gate that gave too much is not oversold to: the run says that the gate must be rebuilt', () => {
    const result = run(input(members('a', 'b'), {}, 1), place('a', 1), place('b', 2));
    expect(result.updated.map(({ status }) => status)).toEqual(['held', 'rejected']);
    expect(result.overdrawn).toBe(true);
  });

  it('conserves units and claims, and the events alone tell every row, whatever the lobby does', () => {
    const acts = fc.array(fc.record({ act: fc.constantFrom('place', 'place', 'cancel'), who: fc.nat(5) }), {
      maxLength: 20,
    });
    const statuses = fc.constantFrom<SaleStatus>('open', 'open', 'closed');
    fc.assert(
      fc.property(acts, fc.boolean(), statuses, (steps, waitlist, status) => {
        const lobby = ['a', 'b', 'c', 'd', 'e', 'f'].map((ticketId, index) =>
          join(ticketId, 1 + (index % 3)),
        );
        const rows = run(input([], { status: 'lobby', draw: gathering }), ...lobby).inserted;
        let left = 7;
        let claimed = 0;
        let number = 0;
        const entries = steps.map(({ act, who }): IntakeEntry => {
          const { ticketId, lines } = rows[who] as Reservation;
          if (act === 'cancel') return cancel(ticketId);
          const units = unitsOf(lines);
          const takes = units <= left;
          if (takes) left -= units;
          claimed += units;
          number += 1;
          return place(ticketId, number, takes, units);
        });
        const result = run(input(rows, { waitlist, status }, 7), ...entries);
        const after = new Map([...rows, ...result.updated].map((row) => [row.ticketId, row]));
        const replayed = new Map(rows.map((row) => [row.ticketId, row]));
        for (const event of result.events) {
          const before = replayed.get(event.ticketId ?? '') as Reservation;
          replayed.set(before.ticketId, evolve(before, event));
        }
        expect(replayed).toEqual(after);
        const unitsWhere = (is: (status: Reservation['status']) => boolean) =>
          [...after.values()].reduce((sum, row) => sum + (is(row.status) ? unitsOf(row.lines) : 0), 0);
        const released = [...result.released.values()].reduce((sum, units) => sum + units, 0);
        expect(result.taken.get('tee') ?? 0).toBe(7 - left);
        expect((result.taken.get('tee') ?? 0) - (result.returned.get('tee') ?? 0)).toBe(
          unitsWhere(holdsUnits),
        );
        expect(claimed - released).toBe(unitsWhere(countsForBuyer));
        expect(result).toMatchObject({ overdrawn: false, drawnTo: number });
      }),
    );
  });
});

describe('a draw', () => {
  const sale = (change: Partial<Sale>) =>
    ({ status: 'lobby', opensAt: null, draw: gathering, ...change }) as Sale;

  it.each([
    ['a lobby without an opening time', sale({}), false],
    ['a lobby before its time', sale({ opensAt: now + 1 }), false],
    ['a lobby whose time has come', sale({ opensAt: now }), true],
    ['a lobby that was closed', sale({ status: 'closed' }), true],
    ['a lobby that was drawn', sale({ status: 'open', draw: drawn }), false],
  ])('is due for %s: %s', (_, given, due) => {
    expect(isDrawDue(given, now)).toBe(due);
  });

  it('is never due for a sale that never had a lobby', () => {
    expect(isDrawDue({ status: 'open', opensAt: now } as Sale, now)).toBe(false);
  });
});
