import { describe, expect, it } from 'vitest';
import type { Sale } from '../sale.ts';
import type { Ticket } from '../ticket.ts';
import { after, type Buying, type Happening, nothingKnown, screenOf } from './buying.ts';

const noon = Date.parse('2026-11-26T12:00:00.000Z');

function sale(change: Partial<Sale> = {}, available = 10): Sale {
  return {
    id: 'drop',
    name: 'Drop',
    status: 'open',
    opensAt: null,
    closesAt: null,
    holdSeconds: 300,
    perBuyerLimit: null,
    currency: 'EUR',
    waitlist: false,
    soldOut: available === 0,
    items: [
      { sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 4900, available, stock: 10 },
    ],
    draw: null,
    journal: { count: 1, head: '' },
    serverTime: new Date(noon).toISOString(),
    ...change,
  };
}

function ticket(change: Partial<Ticket> = {}): Ticket {
  return {
    id: 't1',
    saleId: 'drop',
    status: 'queued',
    version: 1,
    seq: 1,
    ahead: 0,
    buyerId: 'ada',
    lines: [{ sku: 'tee', quantity: 1, unitPriceMinor: 4900 }],
    totalMinor: 4900,
    currency: 'EUR',
    reservedAt: new Date(noon).toISOString(),
    expiresAt: null,
    extensions: null,
    reason: null,
    receipt: '1.1.ab',
    ...change,
  };
}

const held = (version = 2, secondsLeft = 300) =>
  ticket({ status: 'held', version, expiresAt: new Date(noon + secondsLeft * 1_000).toISOString() });

function told(...happenings: Happening[]): Buying {
  return happenings.reduce((buying, happening) => after(buying, happening, noon), nothingKnown);
}

const kindAt = (buying: Buying, now = noon) => screenOf(buying, now).kind;

describe('what a buyer sees', () => {
  it.each([
    ['loading', []],
    ['unknown', [{ kind: 'unknown_sale' }]],
    ['early', [{ kind: 'sale', sale: sale({ status: 'scheduled' }) }]],
    ['early', [{ kind: 'sale', sale: sale({ status: 'lobby' }) }]],
    ['offer', [{ kind: 'sale', sale: sale() }]],
    ['sold_out', [{ kind: 'sale', sale: sale({}, 0) }]],
    ['paused', [{ kind: 'sale', sale: sale({ status: 'paused' }) }]],
    ['over', [{ kind: 'sale', sale: sale({ status: 'settled' }) }]],
    ['asking', [{ kind: 'asked', verb: 'reserve' }]],
    [
      'offer',
      [
        { kind: 'sale', sale: sale() },
        { kind: 'asked', verb: 'reserve' },
        { kind: 'refused', verb: 'reserve', code: 'sold_out' },
      ],
    ],
    ['lobby', [{ kind: 'ticket', ticket: ticket({ status: 'lobby' }) }]],
    ['line', [{ kind: 'ticket', ticket: ticket() }]],
    ['waitlist', [{ kind: 'ticket', ticket: ticket({ status: 'waitlisted' }) }]],
    ['held', [{ kind: 'ticket', ticket: held() }]],
    ['bought', [{ kind: 'ticket', ticket: ticket({ status: 'confirmed' }) }]],
    ['cancelled', [{ kind: 'ticket', ticket: ticket({ status: 'cancelled' }) }]],
    ['expired', [{ kind: 'ticket', ticket: ticket({ status: 'expired' }) }]],
    ['rejected', [{ kind: 'ticket', ticket: ticket({ status: 'rejected' }) }]],
    ['returned', [{ kind: 'ticket', ticket: ticket({ status: 'returned' }) }]],
    ['refund_due', [{ kind: 'ticket', ticket: ticket({ status: 'refund_due' }) }]],
    ['refunded', [{ kind: 'ticket', ticket: ticket({ status: 'refunded' }) }]],
  ] as [string, Happening[]][])('is %s after %j', (kind, happenings) => {
    expect(kindAt(told(...happenings))).toBe(kind);
  });

  it('is the ticket, whatever the sale says meanwhile', () => {
    const buying = told(
      { kind: 'ticket', ticket: held() },
      { kind: 'sale', sale: sale({ status: 'closed' }, 0) },
    );
    expect(kindAt(buying)).toBe('held');
  });

  it('is never an older state after a newer one', () => {
    const buying = told(
      { kind: 'ticket', ticket: held(3) },
      { kind: 'ticket', ticket: ticket({ version: 1 }) },
    );
    expect(kindAt(buying)).toBe('held');
  });

  it('is the sale again once a ticket was put aside', () => {
    expect(
      kindAt(told({ kind: 'sale', sale: sale() }, { kind: 'ticket', ticket: held() }, { kind: 'forgotten' })),
    ).toBe('offer');
  });
});

describe('a hold', () => {
  const at = (secondsLeft: number) =>
    screenOf(
      told({ kind: 'sale', sale: sale() }, { kind: 'ticket', ticket: held() }),
      noon + (300 - secondsLeft) * 1_000,
    );

  it.each([
    [300, 'none'],
    [60.001, 'none'],
    [60, 'minute'],
    [20.001, 'minute'],
    [20, 'seconds'],
    [0.001, 'seconds'],
  ])('with %d seconds left hurries: %s', (secondsLeft, hurry) => {
    expect(at(secondsLeft)).toMatchObject({ kind: 'held', hurry });
  });

  it('is neither held nor lost at its deadline, until the server says', () => {
    expect(at(0).kind).toBe('lapsing');
    expect(at(-10).kind).toBe('lapsing');
  });

  it('is judged by the server’s clock, however wrong the device’s is', () => {
    const wrongBy = 7_200_000;
    let buying = after(nothingKnown, { kind: 'sale', sale: sale() }, noon - wrongBy);
    buying = after(buying, { kind: 'ticket', ticket: held() }, noon - wrongBy);
    expect(screenOf(buying, noon - wrongBy)).toMatchObject({ kind: 'held', leftMs: 300_000 });
  });

  it('takes the answer that travelled shortest for the time', () => {
    let buying = after(nothingKnown, { kind: 'sale', sale: sale() }, noon + 900);
    buying = after(
      buying,
      { kind: 'sale', sale: sale({ serverTime: new Date(noon + 2_000).toISOString() }) },
      noon + 2_010,
    );
    buying = after(
      buying,
      { kind: 'sale', sale: sale({ serverTime: new Date(noon + 3_000).toISOString() }) },
      noon + 4_500,
    );
    expect(buying.clockMs).toBe(-10);
  });
});

describe('the estimate', () => {
  const seen = (...places: [ahead: number, atMs: number][]) =>
    places.reduce(
      (buying, [ahead, atMs]) => after(buying, { kind: 'ticket', ticket: ticket({ ahead }) }, noon + atMs),
      nothingKnown,
    );
  const secondsLeft = (buying: Buying, atMs: number) => {
    const screen = screenOf(buying, noon + atMs);
    return screen.kind === 'line' ? screen.secondsLeft : undefined;
  };

  it('is none before the line was seen to move', () => {
    expect(secondsLeft(seen([100, 0]), 10_000)).toBeNull();
    expect(secondsLeft(seen([100, 0], [100, 5_000]), 10_000)).toBeNull();
  });

  it('is none before it was watched for two seconds', () => {
    expect(secondsLeft(seen([100, 0], [50, 1_000]), 1_999)).toBeNull();
    expect(secondsLeft(seen([100, 0], [50, 1_000]), 2_000)).not.toBeNull();
  });

  it('is the pace that was seen', () => {
    // Ten in ten seconds; eighty-nine before, and the buyer.
    expect(secondsLeft(seen([100, 0], [90, 10_000]), 10_000)).toBe(91);
  });
});

describe('what went wrong', () => {
  it('is forgotten when something else is asked, and when the ticket moves on', () => {
    const refused: Happening = { kind: 'refused', verb: 'extend', code: 'extension_limit' };
    const buying = told({ kind: 'ticket', ticket: held() }, { kind: 'asked', verb: 'extend' }, refused);
    expect(buying).toMatchObject({ trouble: 'extension_limit', noMoreTime: true, asked: null });
    expect(after(buying, { kind: 'asked', verb: 'confirm' }, noon).trouble).toBeNull();
    expect(
      after(buying, { kind: 'ticket', ticket: ticket({ status: 'expired', version: 3 }) }, noon).trouble,
    ).toBeNull();
    // The same state, read again, does not hide it.
    expect(after(buying, { kind: 'ticket', ticket: held() }, noon).trouble).toBe('extension_limit');
  });

  it('leaves what is under way alone when it was about something else', () => {
    const buying = told(
      { kind: 'asked', verb: 'confirm' },
      { kind: 'refused', verb: 'reserve', code: 'unauthorized' },
    );
    expect(buying.asked).toBe('confirm');
  });
});
