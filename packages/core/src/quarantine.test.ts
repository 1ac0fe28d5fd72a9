import { describe, expect, it } from 'vitest';
import { quarantineEntry, type RunInput } from './decide-run.ts';
import type { CommandEntry, IntakeEntry, ReserveEntry, UnreadableEntry } from './entry.ts';
import type { Reservation } from './reservation.ts';
import { makeTicketId } from './ticket.ts';

const ticketId = makeTicketId('0', 'tees', 'PoisonPoisonPoisonPois');
const now = 1_764_000_000_000;
const digest = 'd'.repeat(64);
const tip = 'a'.repeat(40);
const lines = [{ sku: 'tee', quantity: 2, unitPriceMinor: 4_900 }];

const reserve: ReserveEntry = {
  kind: 'reserve',
  seq: 7,
  id: ticketId,
  ticketId,
  admitted: true,
  at: now - 5,
  tip,
  buyerId: 'zoe',
  lines,
  idempotencyKey: 'key',
  fingerprint: 'print',
};
const unreadable: UnreadableEntry = { seq: 7, tip, newer: false, digest, at: now - 5, ticketId, lines };

function row(change: Partial<Reservation> = {}): Reservation {
  const { kind: _, id: __, admitted: ___, at, ...place } = reserve;
  return {
    ...place,
    saleId: 'tees',
    epoch: 1,
    status: 'held',
    version: 2,
    reservedAt: at,
    heldAt: at,
    expiresAt: now + 60_000,
    confirmedAt: null,
    paymentRef: null,
    reason: null,
    extensions: 0,
    extendedSeconds: 0,
    outcomes: {},
    ...change,
  };
}

function quarantine(entry: IntakeEntry | UnreadableEntry, known: Reservation[] = []) {
  const input: RunInput = {
    saleId: 'tees',
    epoch: 1,
    rules: {
      holdSeconds: 60,
      extension: { times: 1, totalSeconds: 60 },
      perBuyerLimit: null,
      waitlist: false,
    },
    items: new Map([['tee', { stock: 10, taken: 3, returned: 0 }]]),
    reservations: new Map(known.map((reservation) => [reservation.ticketId, reservation])),
    used: new Map(),
    known: new Set(),
  };
  const result = quarantineEntry(input, entry, digest, now);
  return {
    ...result,
    types: result.events.map(({ type }) => type),
    back: [result.taken.get('tee') ?? 0, result.returned.get('tee') ?? 0],
  };
}

describe('an entry that is taken out of the line', () => {
  it('hands its units and its claim back, and its ticket is told', () => {
    const { types, back, released, inserted, events } = quarantine(reserve);
    expect(types).toEqual(['quarantined', 'rejected']);
    expect(events[0]?.data).toEqual({ seq: 7, epoch: 1, digest, lines: [['tee', 2, 4_900]] });
    expect(back).toEqual([2, 2]);
    expect([...released]).toEqual([['zoe', 2]]);
    expect(inserted).toMatchObject([
      { ticketId, buyerId: 'zoe', status: 'rejected', reason: 'quarantined', idempotencyKey: null, lines },
    ]);
  });

  it.each([
    ['a line break', 'zoe\n'],
    ['a nul', 'z\u0000e'],
    ['half a character', 'z\ud800'],
    ['too much', 'z'.repeat(300)],
    ['nothing', ''],
  ])('writes no name that holds %s, and releases no claim of it', (_, buyerId) => {
    const { inserted, released } = quarantine({ ...reserve, buyerId });
    expect(inserted[0]?.buyerId).toBe('quarantined.1.7');
    expect(released.size).toBe(0);
  });

  it('writes no quantity, price, item or time that does not fit', () => {
    const odd = [
      { sku: 'tee', quantity: 2 ** 31, unitPriceMinor: 1 },
      { sku: 'tee', quantity: 0.5, unitPriceMinor: 1 },
      { sku: 'hat', quantity: 1, unitPriceMinor: 1 },
      { sku: 'tee', quantity: 1, unitPriceMinor: Number.NaN },
    ];
    const { inserted, back } = quarantine({ ...reserve, lines: odd, at: Number.NaN });
    expect(inserted).toMatchObject([
      { lines: [{ sku: 'tee', quantity: 1, unitPriceMinor: 0 }], reservedAt: now },
    ]);
    expect(back).toEqual([1, 1]);
  });

  it('of the house stays the house’s, and one of the lobby has no claim', () => {
    expect(quarantine({ ...reserve, kind: 'withdraw', buyerId: '' }).inserted).toMatchObject([
      { buyerId: '', status: 'rejected' },
    ]);
    expect(quarantine({ ...reserve, kind: 'join', admitted: false })).toMatchObject({
      back: [0, 0],
      released: new Map(),
      inserted: [{ status: 'rejected' }],
    });
  });

  it('whose ticket the ledger has already changes nothing of it', () => {
    const { types, back, inserted, updated } = quarantine(reserve, [row()]);
    expect({ types, back, inserted, updated }).toEqual({
      types: ['quarantined'],
      back: [2, 2],
      inserted: [],
      updated: [],
    });
  });

  it('that could not be read tells its ticket, if it has one of this sale', () => {
    expect(quarantine(unreadable)).toMatchObject({
      back: [2, 2],
      inserted: [{ ticketId, buyerId: 'quarantined.1.7', reason: 'quarantined' }],
    });
    const foreign = makeTicketId('0', 'hats', 'PoisonPoisonPoisonPois');
    for (const other of [null, foreign, 'nonsense'])
      expect(quarantine({ ...unreadable, ticketId: other, lines: [], at: null })).toMatchObject({
        types: ['quarantined'],
        back: [0, 0],
        inserted: [],
      });
  });

  const command: CommandEntry = {
    kind: 'confirm',
    seq: 8,
    id: 'c1',
    ticketId,
    admitted: false,
    at: now,
    tip,
    paymentRef: 'pi',
    seconds: null,
    reason: null,
  };

  it('refuses a command, and leaves its reservation as it was', () => {
    expect(quarantine(command, [row()])).toMatchObject({
      types: ['quarantined', 'refused'],
      updated: [{ status: 'held', version: 2, outcomes: { c1: 'quarantined' } }],
    });
    expect(quarantine({ ...command, id: 'c\u0000' }, [row()]).updated).toMatchObject([{ outcomes: {} }]);
    expect(quarantine(command).types, 'of a ticket that nobody knows').toEqual(['quarantined']);
  });

  it('takes the units of a grant back, and a late payer’s claim', () => {
    const grant: CommandEntry = { ...command, kind: 'grant', id: 'g1.8', admitted: true, reason: 'late' };
    const { back, released } = quarantine(grant, [row({ status: 'paid_late', expiresAt: null })]);
    expect(back).toEqual([2, 2]);
    expect([...released]).toEqual([['zoe', 2]]);
    expect(quarantine({ ...grant, reason: null }, [row({ status: 'waitlisted' })]).released.size).toBe(0);
  });

  it('counts its number of the draw, and tells who was drawn', () => {
    const placed: IntakeEntry = {
      kind: 'place',
      seq: 9,
      id: 'draw.3',
      ticketId,
      admitted: true,
      at: now,
      tip,
      buyerId: 'zoe',
      lines,
      number: 3,
    };
    expect(quarantine(placed, [row({ status: 'lobby', version: 1 })])).toMatchObject({
      types: ['quarantined', 'rejected'],
      back: [2, 2],
      drawnTo: 3,
      placed: [{ status: 'rejected', reason: 'quarantined', seq: 9 }],
    });
    expect(quarantine(placed, [row({ status: 'cancelled' })])).toMatchObject({
      types: ['quarantined'],
      back: [2, 2],
      drawnTo: 3,
      placed: [],
    });
  });
});
