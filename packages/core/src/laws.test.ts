import { describe, expect, it } from 'vitest';
import type { NewEvent } from './journal.ts';
import { checkLaws, emptyFold, foldEvent, type GateLook, type JournalFold, type LedgerSums } from './laws.ts';
import type { ReservationStatus } from './reservation.ts';

/** A sale of 10 tees: 2 confirmed, 1 held, 1 cancelled, 1 withdrawn by the house, 1 rejected, and 2 in the intake. */
const story: [ticket: string | null, type: NewEvent['type'], data: NewEvent['data']][] = [
  [null, 'sale_created', { terms: { perBuyerLimit: 3, items: [{ sku: 'tee', stock: 8 }] } }],
  [null, 'gate_rebuilt', { epoch: 1, seq: 0 }],
  ['a', 'held', { lines: [['tee', 2, 100]], epoch: 1, seq: 1 }],
  ['b', 'held', { lines: [['tee', 1, 100]], epoch: 1, seq: 2 }],
  ['c', 'held', { lines: [['tee', 1, 100]], epoch: 1, seq: 3 }],
  ['d', 'rejected', { lines: [['tee', 3, 100]], epoch: 1, seq: 4, reason: 'limit_reached' }],
  ['a', 'confirmed', {}],
  ['c', 'cancelled', {}],
  ['c', 'refused', { reason: 'already_cancelled' }],
  [null, 'restocked', { sku: 'tee', delta: 2 }],
  ['h', 'withdrawn', { lines: [['tee', 1, 0]], epoch: 1, seq: 8 }],
];

function foldOf(events = story): JournalFold {
  const fold = emptyFold();
  for (const [index, [ticketId, type, data]] of events.entries()) {
    const place = story.find(([id, , { seq }]) => id === ticketId && seq !== undefined)?.[2];
    const row = ticketId === null ? null : { epoch: place?.epoch ?? 0, seq: place?.seq ?? 0 };
    foldEvent(fold, { position: index + 1, type, ticketId, commandId: null, data, at: 0 }, row);
  }
  return fold;
}

function sums(change: Partial<LedgerSums> = {}): LedgerSums {
  const rows: [ReservationStatus, number][] = [
    ['confirmed', 2],
    ['held', 1],
    ['cancelled', 1],
    ['rejected', 1],
  ];
  return {
    epoch: 1,
    committedSeq: 8,
    tip: 'tip8',
    position: story.length,
    head: 'head',
    waiting: 0,
    items: new Map([['tee', { stock: 10, returned: 4, taken: 8, withdrawn: 1 }]]),
    unitsInRows: new Map([['tee', 4]]),
    rows: new Map(rows),
    eventCount: story.length,
    lastPosition: story.length,
    mostUnitsOfABuyer: 2,
    ...change,
  };
}

function gate(
  change: Partial<GateLook['counts']> = {},
  item: Partial<GateLook['counts']['items'][number]> = {},
): GateLook {
  const items = change.items ?? [{ sku: 'tee', ceiling: 14, admitted: 10, inIntake: 2, ...item }];
  return {
    tipAtCursor: 'tip8',
    items,
    counts: {
      saleId: 's',
      epoch: 1,
      seq: 10,
      tip: 'tip10',
      cursor: 8,
      journalPosition: story.length,
      now: 0,
      termsVersion: 2,
      rebuilding: null,
      staged: 0,
      restoring: null,
      granted: [],
      depth: 2,
      oldestAt: 0,
      ...change,
      items,
    },
  };
}

function broken(ledger: LedgerSums, look: GateLook | null, fold = foldOf(), head = 'head'): string[] {
  return checkLaws(ledger, look, fold, head)
    .filter((check) => !check.ok)
    .map((check) => check.name);
}

describe('the law', () => {
  it('is kept by a sale whose rows, journal, counters and gate agree', () => {
    expect(broken(sums(), gate())).toEqual([]);
  });

  it('is kept while the gate has not heard yet of units that came back', () => {
    expect(broken(sums(), gate({ journalPosition: story.length - 4 }, { ceiling: 13 }))).toEqual([]);
  });

  it('names a unit that was sold twice', () => {
    expect(broken(sums({ unitsInRows: new Map([['tee', 11]]) }), gate())).toContain('never_oversold:tee');
  });

  it('holds at exactly the stock, and breaks one unit above it', () => {
    const at = (units: number) => broken(sums({ unitsInRows: new Map([['tee', units]]) }), gate());
    expect(at(10)).not.toContain('never_oversold:tee');
    expect(at(11)).toContain('never_oversold:tee');
  });

  it('names a unit that nobody can buy', () => {
    const names = broken(sums(), gate({}, { admitted: 11 }));
    expect(names).toEqual([
      'units_conserved:tee',
      'nothing_leaked:tee',
      'gate_admitted_reached_the_ledger:tee',
    ]);
  });

  it('names a gate that would give more than there is', () => {
    const names = broken(sums(), gate({}, { ceiling: 15 }));
    expect(names).toEqual(['units_conserved:tee', 'gate_ceiling:tee']);
  });

  it('names a gate that gave more than its ceiling', () => {
    expect(broken(sums(), gate({}, { ceiling: 9 }))).toContain('gate_within_its_ceiling:tee');
  });

  it('names a gate whose ceiling is too high even while it lags behind', () => {
    expect(broken(sums(), gate({ journalPosition: 3 }, { ceiling: 15 }))).toContain('gate_ceiling:tee');
  });

  it('names a gate that lost the sale, its epoch, its chain, or ran ahead', () => {
    expect(broken(sums(), null)).toEqual(['gate_has_the_sale', 'units_conserved:tee']);
    expect(broken(sums(), gate({ epoch: 2 }))).toEqual(['gate_epoch']);
    expect(broken(sums(), gate({ rebuilding: 2 }))).toEqual(['gate_has_the_sale']);
    expect(broken(sums(), { ...gate(), tipAtCursor: 'another chain at 8' })).toEqual(['gate_tip_at_cursor']);
    expect(broken(sums(), gate({ journalPosition: story.length + 1 }))).toEqual([
      'gate_not_ahead_of_the_journal',
    ]);
  });

  it('names an item that the gate does not have', () => {
    expect(broken(sums(), gate({ items: [] }))).toEqual(['units_conserved:tee']);
  });

  it('names counters that the rows do not bear out', () => {
    const items = new Map([['tee', { stock: 10, returned: 3, taken: 8, withdrawn: 1 }]]);
    expect(broken(sums({ items }), gate({}, { ceiling: 13 }))).toEqual(
      expect.arrayContaining(['rows_equal_counters:tee', 'journal_equals_counters:tee']),
    );
  });

  it('names stock that appeared without an event', () => {
    const items = new Map([['tee', { stock: 11, returned: 4, taken: 8, withdrawn: 1 }]]);
    expect(broken(sums({ items }), gate({}, { ceiling: 15 }))).toEqual(['journal_equals_counters:tee']);
  });

  it('names a missing event, a doubled one and a broken chain', () => {
    expect(broken(sums({ eventCount: 10 }), gate())).toEqual(['journal_without_gaps']);
    expect(broken(sums(), gate(), foldOf(), 'broken at position 3')).toEqual(['journal_chain']);
    const fold = foldOf(story.slice(0, -1));
    expect(broken(sums(), gate(), fold)).toContain('journal_without_gaps');
  });

  it('names a gap inside the journal', () => {
    const fold = emptyFold();
    for (const position of [1, 3])
      foldEvent(
        fold,
        { position, type: 'sale_changed', ticketId: null, commandId: null, data: {}, at: 0 },
        null,
      );
    expect(fold.gaps).toBe(1);
  });

  it('names an acknowledged ticket without a row, and a rejection without one', () => {
    const rows = new Map<ReservationStatus, number>([
      ['confirmed', 2],
      ['held', 1],
      ['cancelled', 1],
    ]);
    expect(broken(sums({ rows }), gate())).toEqual([
      'every_ticket_has_its_row',
      'rejections_have_rows',
      'rows_follow_the_journal',
    ]);
  });

  it('names a row whose status the journal does not tell', () => {
    const rows = new Map<ReservationStatus, number>([
      ['confirmed', 3],
      ['cancelled', 1],
      ['rejected', 1],
    ]);
    expect(broken(sums({ rows }), gate())).toEqual(['rows_follow_the_journal']);
  });

  it('names a ticket that overtook another, and a row in another place than the journal says', () => {
    const swapped = [...story];
    [swapped[2], swapped[3]] = [story[3] as (typeof story)[number], story[2] as (typeof story)[number]];
    expect(broken(sums(), gate(), foldOf(swapped))).toEqual(['tickets_in_order']);
    const fold = emptyFold();
    const data: NewEvent['data'] = { lines: [['tee', 1, 0]], epoch: 1, seq: 5 };
    foldEvent(
      fold,
      { position: 1, type: 'held', ticketId: 'a', commandId: null, data, at: 0 },
      { epoch: 1, seq: 6 },
    );
    expect(fold.outOfOrder).toBe(1);
  });

  it('counts a new epoch as later than any place before it', () => {
    const fold = emptyFold();
    for (const [index, [epoch, seq]] of (
      [
        [1, 9],
        [2, 10],
        [2, 11],
      ] as const
    ).entries()) {
      const data: NewEvent['data'] = { lines: [['tee', 1, 0]], epoch, seq };
      foldEvent(
        fold,
        { position: index + 1, type: 'held', ticketId: `${index}`, commandId: null, data, at: 0 },
        { epoch, seq },
      );
    }
    expect(fold.outOfOrder).toBe(0);
  });

  it('names a buyer above the limit, and not one above a limit that was lowered later', () => {
    expect(broken(sums({ mostUnitsOfABuyer: 3 }), gate())).toEqual([]);
    expect(broken(sums({ mostUnitsOfABuyer: 4 }), gate())).toEqual(['buyer_limit_kept']);
    const fold = foldOf();
    foldEvent(
      fold,
      {
        position: 12,
        type: 'sale_changed',
        ticketId: null,
        commandId: null,
        data: { terms: { perBuyerLimit: 1 } },
        at: 0,
      },
      null,
    );
    expect(fold.highestLimit).toBe(3);
    foldEvent(
      fold,
      {
        position: 13,
        type: 'sale_changed',
        ticketId: null,
        commandId: null,
        data: { terms: { perBuyerLimit: null } },
        at: 0,
      },
      null,
    );
    foldEvent(
      fold,
      {
        position: 14,
        type: 'sale_changed',
        ticketId: null,
        commandId: null,
        data: { terms: { perBuyerLimit: 2 } },
        at: 0,
      },
      null,
    );
    expect(fold.highestLimit).toBeNull();
  });

  it('names a count of those who wait that the rows do not bear out', () => {
    expect(broken(sums({ waiting: 1 }), gate())).toEqual(['waiting_counted']);
  });
});
