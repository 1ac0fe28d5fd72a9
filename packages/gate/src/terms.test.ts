import type { Sale } from '@holdfast/core';
import { describe, expect, it } from 'vitest';
import { documentOf, hashFields, numberOf, termFields, textOf } from './terms.ts';

const sale: Sale = {
  id: 'tees',
  name: 'Tees “2026”\n',
  status: 'open',
  opensAt: null,
  closesAt: 1_700_000_000_000,
  holdSeconds: 300,
  perBuyerLimit: 2,
  currency: 'EUR',
  waitlist: true,
  extension: { times: 1, totalSeconds: 60 },
  shard: '0',
  items: [{ sku: 'tee', name: 'Tee', description: null, imageUrl: null, priceMinor: 4_900 }],
  createdAt: 1,
  termsVersion: 7,
};
const stored = (change: Partial<Sale> = {}) => Object.fromEntries(termFields({ ...sale, ...change }));

describe('the terms as the gate stores them', () => {
  it('begin with their version, which the gate compares before it takes them', () => {
    expect(termFields(sale)[0]).toEqual(['terms', '7']);
  });

  it('can be read again as they were set', () => {
    const fields = stored();
    expect(fields).toMatchObject({ status: 'open', currency: 'EUR', waitlist: '1', opensAt: '', limit: '2' });
    expect([numberOf(fields['opensAt']), numberOf(fields['closesAt']), numberOf(fields['limit'])]).toEqual([
      null,
      1_700_000_000_000,
      2,
    ]);
    expect(documentOf(fields['doc'] as string)).toEqual({
      name: sale.name,
      holdSeconds: 300,
      items: sale.items,
    });
  });

  it('say what a newcomer is told, and nothing while the sale is open', () => {
    expect(stored()['newcomers']).toBe('');
    expect(stored({ status: 'paused' })['newcomers']).toBe('paused');
    expect(stored({ status: 'draft' })['newcomers']).toBe('not_open');
    expect(stored({ status: 'settled' })['newcomers']).toBe('closed');
  });

  it('tell no limit and no waitlist from a limit of nothing', () => {
    expect(stored({ perBuyerLimit: null, waitlist: false })).toMatchObject({ limit: '', waitlist: '0' });
    expect([numberOf(''), numberOf(undefined), numberOf('0')]).toEqual([null, null, 0]);
    expect([textOf(null), textOf(0), textOf(1_700_000_000_000)]).toEqual(['', '0', '1700000000000']);
  });
});

describe('a hash of Redis', () => {
  it('is read pair by pair, and half a pair is left out', () => {
    expect(hashFields([])).toEqual({});
    expect(hashFields(['a', '1', 'b', '', 'c'])).toEqual({ a: '1', b: '' });
  });
});
