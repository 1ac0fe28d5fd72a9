import { describe, expect, it } from 'vitest';
import { judgeIssues } from '../issues.ts';
import { newSaleBody, newSaleOf, saleChangeBody, saleTermsOf } from './sale-body.ts';
import { stockBody } from './stock-body.ts';

const least = { name: 'Tees', items: [{ sku: 'tee-m', stock: 100 }] };

describe('a new sale', () => {
  it('needs a name and one item with its stock; everything else has its default', () => {
    expect(newSaleOf(newSaleBody.parse(least))).toEqual({
      id: null,
      name: 'Tees',
      status: 'draft',
      opensAt: null,
      closesAt: null,
      holdSeconds: 300,
      perBuyerLimit: null,
      currency: 'EUR',
      waitlist: false,
      extension: { times: 2, totalSeconds: 600 },
      challenge: null,
      items: [{ sku: 'tee-m', name: 'tee-m', description: null, imageUrl: null, priceMinor: 0, stock: 100 }],
    });
  });

  it('may ask newcomers for a proof of work, of a bounded difficulty', () => {
    const challengeOf = (challenge: unknown) => newSaleBody.safeParse({ ...least, challenge });
    expect(
      newSaleOf(newSaleBody.parse({ ...least, challenge: { kind: 'proof_of_work' } })).challenge,
    ).toEqual({
      kind: 'proof_of_work',
      difficulty: 1_000,
    });
    for (const difficulty of [1, 20_000])
      expect(challengeOf({ kind: 'proof_of_work', difficulty }).success).toBe(true);
    for (const difficulty of [0, 20_001, 1.5, '9', null])
      expect(challengeOf({ kind: 'proof_of_work', difficulty }).success).toBe(false);
    expect(challengeOf({ kind: 'riddle' }).success).toBe(false);
    expect(challengeOf({ kind: 'proof_of_work', difficulty: 5, more: 1 }).success).toBe(false);
  });

  it('may forbid extensions', () => {
    expect(newSaleOf(newSaleBody.parse({ ...least, extension: null })).extension).toEqual({
      times: 0,
      totalSeconds: 0,
    });
  });

  it('reads times with any zone', () => {
    const sale = newSaleOf(newSaleBody.parse({ ...least, opensAt: '2026-11-21T10:00:00+02:00' }));
    expect(sale.opensAt).toBe(Date.UTC(2026, 10, 21, 8));
  });

  it.each([
    ['no items', { ...least, items: [] }],
    ['the same sku twice', { ...least, items: [...least.items, ...least.items] }],
    ['a negative stock', { ...least, items: [{ sku: 'a', stock: -1 }] }],
    ['half a unit', { ...least, items: [{ sku: 'a', stock: 0.5 }] }],
    ['a stock nobody can count', { ...least, items: [{ sku: 'a', stock: 1_000_000_001 }] }],
    ['a negative price', { ...least, items: [{ sku: 'a', stock: 1, priceMinor: -1 }] }],
    [
      'an image that is a script',
      { ...least, items: [{ sku: 'a', stock: 1, imageUrl: 'javascript:alert(1)' }] },
    ],
    ['a hold of no time', { ...least, holdSeconds: 0 }],
    ['a hold of more than a day', { ...least, holdSeconds: 86_401 }],
    ['a limit of zero', { ...least, perBuyerLimit: 0 }],
    ['an id that is a path', { ...least, id: '../x' }],
    ['a status it cannot begin with', { ...least, status: 'closed' }],
    [
      'an end before its begin',
      { ...least, opensAt: '2026-11-21T10:00:00Z', closesAt: '2026-11-21T10:00:00Z' },
    ],
    ['a time without a zone', { ...least, opensAt: '2026-11-21T10:00:00' }],
    ['a time out of all calendars', { ...least, opensAt: '0000-01-01T00:00:00Z' }],
    ['a currency that is none', { ...least, currency: 'euro' }],
    ['a field that is unknown', { ...least, price: 1 }],
  ])('is refused with %s', (_, body) => {
    expect(newSaleBody.safeParse(body).success).toBe(false);
  });

  it('is refused with every issue, none of which repeats what was sent', () => {
    const result = newSaleBody.safeParse({
      name: '',
      'secret-field': 1,
      currency: 'secret',
      items: [{ sku: 'a' }],
    });
    expect(result.success).toBe(false);
    const { issues } = judgeIssues(result.error as NonNullable<typeof result.error>);
    expect(issues.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(issues)).not.toContain('secret');
  });
});

describe('a change of a sale', () => {
  it('leaves alone what it does not name', () => {
    expect(saleTermsOf(saleChangeBody.parse({ name: 'Shirts', closesAt: null }))).toEqual({
      name: 'Shirts',
      closesAt: null,
    });
  });

  it('changes something, and nothing that is fixed', () => {
    for (const body of [{}, { currency: 'USD' }, { items: [] }, { status: 'open' }, { id: 'x' }])
      expect(saleChangeBody.safeParse(body).success).toBe(false);
  });
});

describe('a change of stock', () => {
  it('is a whole number other than zero', () => {
    expect(stockBody.safeParse({ delta: 1 }).success).toBe(true);
    expect(stockBody.safeParse({ delta: -1 }).success).toBe(true);
    for (const delta of [0, 0.5, '1', null, 1_000_000_001])
      expect(stockBody.safeParse({ delta }).success).toBe(false);
  });
});
