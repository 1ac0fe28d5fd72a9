import { describe, expect, it } from 'vitest';
import { decideRun, type RunInput } from './decide-run.ts';
import type { CommandEntry, IntakeEntry, ReserveEntry } from './entry.ts';
import type { Reservation } from './reservation.ts';

const now = 1_000_000;
const holdSeconds = 300;

function input(
  change: Partial<Omit<RunInput, 'rules'>> & { rules?: Partial<RunInput['rules']> } = {},
): RunInput {
  return {
    saleId: 's',
    epoch: 3,
    items: new Map([
      ['tee', { stock: 5, taken: 0, returned: 0 }],
      ['cap', { stock: 2, taken: 0, returned: 0 }],
    ]),
    reservations: new Map(),
    used: new Map(),
    known: new Set(),
    ...change,
    rules: {
      holdSeconds,
      extension: { times: 1, totalSeconds: 60 },
      perBuyerLimit: null,
      waitlist: false,
      ...change.rules,
    },
  };
}

let seq = 0;

function reserve(ticketId: string, change: Partial<ReserveEntry> = {}): ReserveEntry {
  seq++;
  return {
    kind: 'reserve',
    seq,
    id: ticketId,
    ticketId,
    admitted: true,
    at: now - 100,
    tip: `tip${seq}`,
    buyerId: `buyer-${ticketId}`,
    lines: [tees(1)],
    idempotencyKey: null,
    fingerprint: null,
    ...change,
  };
}

function command(
  kind: CommandEntry['kind'],
  ticketId: string,
  change: Partial<CommandEntry> = {},
): CommandEntry {
  seq++;
  const id = `${kind}.${ticketId}`;
  const base = { seq, id, ticketId, admitted: false, at: now - 50, tip: `tip${seq}` };
  return { ...base, kind, paymentRef: null, seconds: null, reason: null, ...change };
}

const tees = (quantity: number) => ({ sku: 'tee', quantity, unitPriceMinor: 4_900 });
const caps = (quantity: number) => ({ sku: 'cap', quantity, unitPriceMinor: 1_500 });

function row(ticketId: string, change: Partial<Reservation> = {}): Reservation {
  const status = change.status ?? 'held';
  return {
    ticketId,
    saleId: 's',
    seq: 1,
    epoch: 3,
    buyerId: `buyer-${ticketId}`,
    idempotencyKey: null,
    fingerprint: null,
    lines: [tees(1)],
    status,
    version: 2,
    reservedAt: now - 500_000,
    expiresAt: status === 'held' ? now - 10 : null,
    confirmedAt: null,
    paymentRef: null,
    reason: null,
    heldAt: null,
    extensions: 0,
    extendedSeconds: 0,
    tip: 'tip',
    outcomes: {},
    ...change,
  };
}

/** A ledger that holds these rows, with the units they have taken. */
function withRows(...rows: Reservation[]): Pick<RunInput, 'reservations' | 'items'> {
  const taken = (sku: string) =>
    rows
      .filter(({ status }) => status === 'held' || status === 'confirmed')
      .flatMap(({ lines }) => lines)
      .filter((line) => line.sku === sku)
      .reduce((units, line) => units + line.quantity, 0);
  return {
    reservations: new Map(rows.map((one) => [one.ticketId, one])),
    items: new Map([
      ['tee', { stock: 5, taken: taken('tee'), returned: 0 }],
      ['cap', { stock: 2, taken: taken('cap'), returned: 0 }],
    ]),
  };
}

const run = (given: RunInput, entries: IntakeEntry[], due: string[] = []) =>
  decideRun(given, entries, due, now);
const statusesOf = (rows: Reservation[]) => rows.map(({ ticketId, status }) => `${ticketId} ${status}`);
const typesOf = (result: ReturnType<typeof run>) =>
  result.events.map(({ type, ticketId }) => `${ticketId} ${type}`);

describe('a reservation', () => {
  it('that the gate admitted becomes a hold of full length, counted from the run', () => {
    const entry = reserve('a', {
      lines: [tees(2), caps(1)],
      idempotencyKey: 'key',
      fingerprint: 'mark',
      at: now - 60_000,
    });
    const result = run(input(), [entry]);
    expect(result.inserted).toEqual([
      row('a', {
        seq: entry.seq,
        lines: [tees(2), caps(1)],
        idempotencyKey: 'key',
        fingerprint: 'mark',
        reservedAt: now - 60_000,
        heldAt: now,
        expiresAt: now + holdSeconds * 1000,
        tip: entry.tip,
      }),
    ]);
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 2, cap: 1 });
    expect(result).toMatchObject({
      updated: [],
      returned: new Map(),
      released: new Map(),
      waiting: 0,
      overdrawn: false,
    });
    expect(result.events).toEqual([
      {
        type: 'held',
        ticketId: 'a',
        commandId: null,
        at: now,
        data: {
          lines: [
            ['tee', 2, 4_900],
            ['cap', 1, 1_500],
          ],
          seq: entry.seq,
          epoch: 3,
          tip: entry.tip,
          expiresAt: now + holdSeconds * 1000,
        },
      },
    ]);
  });

  it('beyond the limit of its buyer is rejected, and its units and its claim go back', () => {
    const given = input({ rules: { perBuyerLimit: 2 }, used: new Map([['b', 1]]) });
    const result = run(given, [
      reserve('a', { buyerId: 'b', lines: [tees(2)] }),
      reserve('c', { buyerId: 'b' }),
      reserve('d', { buyerId: 'b' }),
      reserve('e', { buyerId: 'other', lines: [tees(2)] }),
    ]);
    expect(statusesOf(result.inserted)).toEqual(['a rejected', 'c held', 'd rejected', 'e held']);
    expect(result.inserted[0]).toMatchObject({ reason: 'limit_reached', version: 2, expiresAt: null });
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 6 });
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 3 });
    expect(Object.fromEntries(result.released)).toEqual({ b: 3 });
  });

  it('at the limit of its buyer is held, and counts when it was given up in the same batch', () => {
    const given = input({ rules: { perBuyerLimit: 2 } });
    const result = run(given, [
      reserve('a', { buyerId: 'b', lines: [tees(2)] }),
      command('cancel', 'a'),
      reserve('c', { buyerId: 'b', lines: [tees(2)] }),
    ]);
    expect(statusesOf(result.inserted)).toEqual(['a cancelled', 'c held']);
  });

  it('counts as one when it comes twice in a batch: the second hands its units and its claim back', () => {
    const result = run(input(), [reserve('a', { lines: [tees(2)] }), reserve('a', { lines: [tees(2)] })]);
    expect(statusesOf(result.inserted)).toEqual(['a held']);
    expect(typesOf(result)).toEqual(['a held', 'a handed_back']);
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 4 });
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 2 });
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-a': 2 });
  });

  it('that the ledger knows already hands back what the gate gave for it, and nothing when it gave nothing', () => {
    const known = input({ known: new Set(['a', 'b']) });
    const result = run(known, [reserve('a'), reserve('b', { admitted: false })]);
    expect(result).toMatchObject({ inserted: [], updated: [], waiting: 0, overdrawn: false });
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 1 });
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 1 });
    expect(result.events.map(({ type, data }) => [type, data.lines])).toEqual([
      ['handed_back', [['tee', 1, 4_900]]],
      ['handed_back', []],
    ]);
  });

  it('without units waits where the sale has a waitlist, and counts against the limit', () => {
    const given = input({ rules: { waitlist: true, perBuyerLimit: 1 } });
    const result = run(given, [
      reserve('a', { admitted: false, buyerId: 'b' }),
      reserve('c', { buyerId: 'b' }),
    ]);
    expect(statusesOf(result.inserted)).toEqual(['a waitlisted', 'c rejected']);
    expect(result.waiting).toBe(1);
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 1 });
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 1 });
  });

  it('without units is told sold_out where there is no waitlist', () => {
    const result = run(input(), [reserve('a', { admitted: false })]);
    expect(result.inserted[0]).toMatchObject({ status: 'rejected', reason: 'sold_out' });
    expect(result).toMatchObject({ taken: new Map(), returned: new Map(), overdrawn: false, waiting: 0 });
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-a': 1 });
  });

  it('is decided before the ones behind it: the last unit goes to the first in line', () => {
    const items = new Map([['tee', { stock: 1, taken: 0, returned: 0 }]]);
    const result = run(input({ items }), [reserve('a'), reserve('b')]);
    expect(statusesOf(result.inserted)).toEqual(['a held', 'b rejected']);
  });
});

describe('a gate that gives too much', () => {
  it('is noticed: the unit is not sold twice, the buyer is told, and a rebuild is asked for', () => {
    const items = new Map([['tee', { stock: 2, taken: 3, returned: 2 }]]);
    const result = run(input({ items }), [
      reserve('a', { lines: [tees(1)] }),
      reserve('b', { lines: [tees(1)] }),
      reserve('c'),
    ]);
    expect(statusesOf(result.inserted)).toEqual(['a held', 'b rejected', 'c rejected']);
    expect(result.inserted[1]?.reason).toBe('sold_out');
    expect(result.overdrawn).toBe(true);
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 1 });
    expect(result.returned).toEqual(new Map());
  });

  it('gives all lines of a reservation or none', () => {
    const result = run(input(), [reserve('a', { lines: [tees(1), caps(3)] })]);
    expect(result.inserted[0]).toMatchObject({ status: 'rejected', reason: 'sold_out' });
    expect(result).toMatchObject({ taken: new Map(), overdrawn: true });
  });

  it('cannot sell an item that the sale does not have', () => {
    const result = run(input(), [reserve('a', { lines: [{ sku: 'mug', quantity: 1, unitPriceMinor: 1 }] })]);
    expect(result.inserted[0]).toMatchObject({ status: 'rejected', reason: 'sold_out' });
    expect(result.overdrawn).toBe(true);
  });

  it('is noticed when it grants, too: nothing is taken beyond the stock, and a rebuild is asked for', () => {
    const waiting = row('w', { status: 'waitlisted' });
    const items = new Map([['tee', { stock: 1, taken: 1, returned: 0 }]]);
    const result = run(input({ items, reservations: new Map([['w', waiting]]) }), [
      command('grant', 'w', { admitted: true }),
    ]);
    expect((result.taken.get('tee') ?? 0) - (result.returned.get('tee') ?? 0)).toBe(0);
    expect(result.overdrawn).toBe(true);
  });
});

describe('a withdrawal of the house', () => {
  it('takes its units for good, without limit and without a hold', () => {
    const given = input({ rules: { perBuyerLimit: 1 } });
    const result = run(given, [reserve('h', { kind: 'withdraw', buyerId: '', lines: [tees(3)] })]);
    expect(result.inserted[0]).toMatchObject({
      status: 'confirmed',
      confirmedAt: now,
      expiresAt: null,
      version: 2,
    });
    expect(typesOf(result)).toEqual(['h withdrawn']);
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 3 });
    expect(Object.fromEntries(result.withdrawn)).toEqual({ tee: 3 });
  });

  it('never waits: without units it is told sold_out, and owes the house nothing', () => {
    const given = input({ rules: { waitlist: true } });
    const result = run(given, [reserve('h', { kind: 'withdraw', buyerId: '', admitted: false })]);
    expect(result.inserted[0]).toMatchObject({ status: 'rejected', reason: 'sold_out' });
    expect(result).toMatchObject({ withdrawn: new Map(), taken: new Map(), released: new Map(), waiting: 0 });
  });
});

describe('holds that lapse', () => {
  it('go back on sale, and their buyers may buy again', () => {
    const given = input(withRows(row('a', { lines: [tees(2)] })));
    const result = run(given, [], ['a']);
    expect(statusesOf(result.updated)).toEqual(['a expired']);
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 2 });
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-a': 2 });
    expect(result.taken).toEqual(new Map());
  });

  it('lapse only when they are overdue, however early they are looked at', () => {
    const given = input(
      withRows(
        row('before', { expiresAt: now + 1 }),
        row('at', { expiresAt: now }),
        row('after', { expiresAt: now - 1 }),
      ),
    );
    expect(statusesOf(run(given, [], ['before', 'at', 'after']).updated)).toEqual(['after expired']);
  });

  it('do not lapse when the confirm that came in time is in the same batch', () => {
    const given = input(withRows(row('a')));
    const result = run(given, [command('confirm', 'a', { at: now - 10, paymentRef: 'pay' })], ['a']);
    expect(statusesOf(result.updated)).toEqual(['a confirmed']);
    expect(result).toMatchObject({ returned: new Map(), released: new Map() });
  });

  it('lapse when the confirm came after the deadline, and the units go back once', () => {
    const given = input(withRows(row('a')));
    const result = run(given, [command('confirm', 'a', { at: now - 9 })], ['a']);
    expect(statusesOf(result.updated)).toEqual(['a expired']);
    expect(typesOf(result)).toEqual(['a expired', 'a refused']);
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 1 });
  });

  it('do not lapse when they were extended or given up in the same batch', () => {
    const given = input(withRows(row('a'), row('b')));
    const entries = [
      command('extend', 'a', { at: now - 10, seconds: 60 }),
      command('cancel', 'b', { at: now - 10 }),
    ];
    const result = run(given, entries, ['a', 'b']);
    expect(statusesOf(result.updated)).toEqual(['a held', 'b cancelled']);
    expect(result.updated[0]?.expiresAt).toBe(now - 10 + 60_000);
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 1 });
  });

  it('of nobody change nothing', () => {
    expect(run(input(), [], ['gone'])).toMatchObject({ updated: [], events: [] });
  });
});

describe('commands', () => {
  it('to a ticket that nobody has change nothing', () => {
    const result = run(input(), [command('confirm', 'x'), command('cancel', 'x')]);
    expect(result).toMatchObject({
      inserted: [],
      updated: [],
      events: [],
      taken: new Map(),
      returned: new Map(),
    });
  });

  it('reach a reservation of the same batch, which is then written once, as it ended', () => {
    const result = run(input(), [reserve('a'), command('confirm', 'a', { paymentRef: 'pay' })]);
    expect(result.updated).toEqual([]);
    expect(result.inserted).toHaveLength(1);
    expect(result.inserted[0]).toMatchObject({
      status: 'confirmed',
      version: 3,
      paymentRef: 'pay',
      expiresAt: null,
    });
    expect(typesOf(result)).toEqual(['a held', 'a confirmed']);
  });

  it('that come twice are done once', () => {
    const given = input(withRows(row('a', { expiresAt: now + 5 })));
    const result = run(given, [command('cancel', 'a'), command('cancel', 'a')]);
    expect(typesOf(result)).toEqual(['a cancelled']);
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 1 });
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-a': 1 });
  });

  it('that race are decided by their place in line: the second gets a typed answer', () => {
    const given = input(withRows(row('a', { expiresAt: now + 5 })));
    const result = run(given, [command('cancel', 'a'), command('confirm', 'a')]);
    expect(result.updated[0]).toMatchObject({
      status: 'cancelled',
      outcomes: { 'cancel.a': 'ok', 'confirm.a': 'already_cancelled' },
    });
  });

  it('that are refused are written, so that a repeat gets the same answer', () => {
    const given = input(withRows(row('a', { status: 'confirmed' })));
    const result = run(given, [command('cancel', 'a')]);
    expect(result.updated[0]).toMatchObject({
      status: 'confirmed',
      version: 2,
      outcomes: { 'cancel.a': 'already_confirmed' },
    });
    expect(result.returned).toEqual(new Map());
  });

  it('of a returning buyer put the units back on sale', () => {
    const given = input(withRows(row('a', { status: 'confirmed', lines: [tees(2), caps(1)] })));
    const result = run(given, [command('return', 'a')]);
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 2, cap: 1 });
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-a': 3 });
  });
});

describe('a grant', () => {
  it('turns the wait into a hold and takes the units that the gate gave for it', () => {
    const given = input(withRows(row('w', { status: 'waitlisted', lines: [tees(2)] })));
    const result = run(given, [command('grant', 'w', { admitted: true })]);
    expect(result.updated[0]).toMatchObject({ status: 'held', expiresAt: now + holdSeconds * 1000 });
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 2 });
    expect(result).toMatchObject({ waiting: -1, returned: new Map(), released: new Map() });
  });

  it('to a late payer confirms, without a second hold', () => {
    const given = input(withRows(row('p', { status: 'paid_late', paymentRef: 'pay' })));
    const result = run(given, [command('grant', 'p', { admitted: true, reason: 'late' })]);
    expect(result.updated[0]).toMatchObject({ status: 'confirmed', paymentRef: 'pay', confirmedAt: now });
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 1 });
    expect(result).toMatchObject({ waiting: -1, released: new Map() });
  });

  it('to one who has given up hands its units back', () => {
    const given = input(withRows(row('w', { status: 'waitlisted' })));
    const result = run(given, [command('cancel', 'w'), command('grant', 'w', { admitted: true })]);
    expect(typesOf(result)).toEqual(['w cancelled', 'w handed_back']);
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 1 });
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 1 });
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-w': 1 });
    expect(result.waiting).toBe(-1);
  });

  it('that comes twice gives once', () => {
    const given = input(withRows(row('w', { status: 'waitlisted' })));
    const grants = ['g1', 'g1', 'g2'].map((id) => command('grant', 'w', { admitted: true, id }));
    const result = run(given, grants);
    expect(typesOf(result)).toEqual(['w held', 'w handed_back', 'w handed_back']);
    expect(Object.fromEntries(result.taken)).toEqual({ tee: 3 });
    expect(Object.fromEntries(result.returned)).toEqual({ tee: 2 });
    expect(result.released).toEqual(new Map());
  });

  it('to a late payer that comes to nothing gives back the claim that the gate made anew', () => {
    const given = input(withRows(row('p', { status: 'refund_due', lines: [tees(2)] })));
    const result = run(given, [command('grant', 'p', { admitted: true, reason: 'late' })]);
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-p': 2 });
    expect(Object.fromEntries(result.taken)).toEqual(Object.fromEntries(result.returned));
  });

  it('that was denied ends the wait without touching a unit', () => {
    const given = input(withRows(row('w', { status: 'waitlisted' }), row('p', { status: 'paid_late' })));
    const result = run(given, [command('deny', 'w'), command('deny', 'p', { reason: 'late' })]);
    expect(statusesOf(result.updated)).toEqual(['w rejected', 'p refund_due']);
    expect(result).toMatchObject({ taken: new Map(), returned: new Map(), waiting: -2 });
    expect(Object.fromEntries(result.released)).toEqual({ 'buyer-w': 1 });
  });

  it('that meets a hold past its deadline hands its units back as well: nothing leaks', () => {
    const given = input(withRows(row('a')));
    const result = run(given, [command('grant', 'a', { admitted: true, at: now - 5 })]);
    expect(statusesOf(result.updated)).toEqual(['a expired']);
    // One unit was taken before; nobody holds it now, so taken - returned must come to nothing.
    expect(1 + (result.taken.get('tee') ?? 0) - (result.returned.get('tee') ?? 0)).toBe(0);
  });
});

describe('those who wait', () => {
  it('are counted by the difference that the run makes', () => {
    const given = input({
      rules: { waitlist: true },
      ...withRows(row('w', { status: 'waitlisted' }), row('e', { status: 'expired' })),
    });
    const result = run(given, [
      reserve('a', { admitted: false }),
      reserve('b', { admitted: false }),
      command('cancel', 'a'),
      command('confirm', 'e', { paymentRef: 'pay' }),
      command('cancel', 'w'),
    ]);
    // + a, + b, - a, + e, - w
    expect(result.waiting).toBe(1);
  });
});
