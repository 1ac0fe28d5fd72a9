import type { ReserveRequest } from '@holdfast/core';
import { parseTicketId } from '@holdfast/core';
import { describe, expect, it } from 'vitest';
import {
  admitCall,
  type Prepared,
  prepare,
  pricedLines,
  readAdmissions,
  ticketOfAdmission,
} from './admission.ts';
import { fingerprintOf } from './ids.ts';
import { keysOf } from './keys.ts';
import type { KnownSale } from './sale-reader.ts';

const prices = { tee: 4_900, cap: 1_500 };
const request: ReserveRequest = {
  saleId: 'tees',
  buyerId: 'ann',
  lines: [{ sku: 'tee', quantity: 2 }],
  idempotencyKey: null,
};

function sale(offered: Record<string, number> = prices): KnownSale {
  return {
    shard: '0',
    epoch: '3',
    terms: '7',
    limit: null,
    prices: new Map(Object.entries(offered)),
    cursor: 0,
    rebuilt: null,
    waiting: 0,
    view: {
      id: 'tees',
      name: 'Tees',
      status: 'open',
      opensAt: null,
      closesAt: null,
      holdSeconds: 300,
      perBuyerLimit: null,
      currency: 'EUR',
      waitlist: false,
      items: [],
      soldOut: false,
      challenge: null,
      draw: null,
      journal: { count: 0, head: '' },
      now: 0,
    },
  };
}

function prepared(change: Partial<ReserveRequest> = {}, ticketId?: string): Prepared {
  const asked = { ...request, ...change };
  const lines = pricedLines(asked, sale());
  if (!Array.isArray(lines)) throw new Error('These lines are no lines');
  return prepare(asked, sale(), lines, asked.buyerId === '' ? 'withdraw' : 'reserve', ticketId);
}

describe('what a buyer asks for', () => {
  it('gets the prices of today', () => {
    expect(
      pricedLines(
        {
          ...request,
          lines: [
            { sku: 'cap', quantity: 1 },
            { sku: 'tee', quantity: 3 },
          ],
        },
        sale(),
      ),
    ).toEqual([
      { sku: 'cap', quantity: 1, unitPriceMinor: 1_500 },
      { sku: 'tee', quantity: 3, unitPriceMinor: 4_900 },
    ]);
  });

  it('is one unit of the only item when nothing is said', () => {
    expect(pricedLines({ ...request, lines: null }, sale({ tee: 5 }))).toEqual([
      { sku: 'tee', quantity: 1, unitPriceMinor: 5 },
    ]);
  });

  it('must be said where there are several items, or none', () => {
    expect(pricedLines({ ...request, lines: null }, sale())).toEqual({
      kind: 'refused',
      code: 'invalid_body',
    });
    expect(pricedLines({ ...request, lines: null }, sale({}))).toEqual({
      kind: 'refused',
      code: 'invalid_body',
    });
  });

  it('cannot be what the sale does not have', () => {
    const answer = pricedLines(
      {
        ...request,
        lines: [
          { sku: 'tee', quantity: 1 },
          { sku: 'mug', quantity: 1 },
        ],
      },
      sale(),
    );
    expect(answer).toEqual({ kind: 'refused', code: 'unknown_item' });
  });
});

describe('a prepared request', () => {
  it('has its ticket before the gate is asked, so that sending it again asks for the same ticket', () => {
    const one = prepared();
    expect(parseTicketId(one.ticketId)).toEqual({ shard: '0', saleId: 'tees' });
    expect(one.args[3]).toBe(`reserve\n${one.ticketId}\n[["tee",2,4900]]\n`);
    expect(prepared().ticketId).not.toBe(one.ticketId);
    expect(prepared({}, one.ticketId).args).toEqual(one.args);
  });

  it('carries buyer, key, fingerprint and entry', () => {
    const lines = [
      { sku: 'tee', quantity: 2 },
      { sku: 'cap', quantity: 1 },
    ];
    const { args } = prepared({ lines, idempotencyKey: 'key' }, '0-tees-x');
    const mark = fingerprintOf(lines);
    const packed = '[["tee",2,4900],["cap",1,1500]]';
    const head = `reserve\n0-tees-x\n${packed}\n${mark}`;
    expect(args).toEqual(['ann', 'key', mark, head, packed, 2]);
  });

  it('of nobody is a withdrawal of the house', () => {
    expect(String(prepared({ buyerId: '' }, 'h').args[3])).toMatch(/^withdraw\nh\n/);
  });
});

describe('a call of the admission script', () => {
  it('names each item once, and each line by the number of its item', () => {
    const both = [
      { sku: 'cap', quantity: 1 },
      { sku: 'tee', quantity: 3 },
    ];
    const batch = [prepared(), prepared({ buyerId: 'bob', lines: both })];
    const keys = keysOf('0', 'tees');
    const [ann, bob] = batch.map((one) => one.args) as [unknown[], unknown[]];
    expect(admitCall(keys, sale(), 100, batch)).toEqual({
      names: [
        keys.boot,
        keys.sale,
        keys.intake,
        keys.buyers,
        ...batch.map((one) => keys.ticket(one.ticketId)),
      ],
      args: ['3', '7', 100, 2, 2, 'tee', 'cap', ...ann, 1, 2, ...bob, 2, 1, 1, 3],
    });
  });
});

describe('the answer of the gate', () => {
  const read = (...fields: (string | number)[]) =>
    readAdmissions([1_000, 40, 10, ...fields].join('\n'), 1).admissions[0];

  it('tells the place in line, less those who are decided', () => {
    expect(read('admitted', 25, 14, 'tip')).toEqual({
      kind: 'admitted',
      seq: 25,
      ahead: 3,
      tip: 'tip',
      now: 1_000,
    });
    expect(read('admitted', 25, 11, 'tip')).toMatchObject({ ahead: 0 });
    expect(read('admitted', 25, 4, 'tip')).toMatchObject({ ahead: 0 });
  });

  it.each([
    [['again', '0-tees-x', '', ''], { kind: 'again', ticketId: '0-tees-x' }],
    [['mismatch', '', '', ''], { kind: 'refused', code: 'idempotency_mismatch' }],
    [['sold_out', 'tee', '', ''], { kind: 'refused', code: 'sold_out', sku: 'tee' }],
    [
      ['not_open', '1700000000000', '', ''],
      { kind: 'refused', code: 'not_open', opensAt: 1_700_000_000_000 },
    ],
    [['not_open', '', '', ''], { kind: 'refused', code: 'not_open', opensAt: undefined }],
    [
      ['ledger_unavailable', '', '', ''],
      { kind: 'refused', code: 'ledger_unavailable', retryAfterSeconds: 2 },
    ],
    [['paused', '', '', ''], { kind: 'refused', code: 'paused' }],
    [['closed', '', '', ''], { kind: 'refused', code: 'closed' }],
    [['limit_reached', '', '', ''], { kind: 'refused', code: 'limit_reached' }],
  ])('%j is told as it is meant', (fields, admission) => {
    expect(read(...fields)).toEqual(admission);
  });

  it('is one for each request, in their order, with the journal it was given at', () => {
    const reply = [1_000, 40, 0, 'admitted', 1, 1, 'tip', 'sold_out', 'tee', '', '', 'again', 'x', '', ''];
    const { journal, admissions } = readAdmissions(reply.join('\n'), 3);
    expect(journal).toBe(40);
    expect(admissions.map(({ kind }) => kind)).toEqual(['admitted', 'refused', 'again']);
  });

  it.each([
    ['stale', { kind: 'stale' }],
    ['unknown_sale', { kind: 'refused', code: 'unknown_sale' }],
    ['closed', { kind: 'refused', code: 'gate_unavailable', retryAfterSeconds: 1 }],
    ['something new', { kind: 'refused', code: 'gate_unavailable', retryAfterSeconds: 1 }],
  ])('%s is for the whole batch, and takes nothing', (word, admission) => {
    expect(readAdmissions(word, 2)).toEqual({ journal: 0, admissions: [admission, admission] });
  });
});

describe('the ticket that a buyer gets at once', () => {
  it('is what the gate holds: queued, with its place in line and its receipt', () => {
    const one = prepared({}, '0-tees-x');
    expect(
      ticketOfAdmission(request, one, { kind: 'admitted', seq: 25, ahead: 3, tip: 'tip', now: 1_000 }),
    ).toEqual({
      id: '0-tees-x',
      saleId: 'tees',
      status: 'queued',
      version: 1,
      seq: 25,
      ahead: 3,
      buyerId: 'ann',
      lines: [{ sku: 'tee', quantity: 2, unitPriceMinor: 4_900 }],
      currency: 'EUR',
      reservedAt: 1_000,
      expiresAt: null,
      extensions: null,
      reason: null,
      receipt: '3.25.tip',
      outcomes: {},
    });
  });
});
