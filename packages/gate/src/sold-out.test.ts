import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSoldOut } from './sold-out.ts';

const tees = (quantity: number) => [{ sku: 'tee', quantity }];

describe('what an edge remembers of being sold out', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('refuses nobody before the gate did', () => {
    const soldOut = createSoldOut();
    expect(soldOut.refuses('s', tees(1))).toBeNull();
    soldOut.remember('s', 'tee', 1);
    expect(soldOut.refuses('other', tees(1))).toBeNull();
    expect(soldOut.refuses('s', [{ sku: 'cap', quantity: 1 }])).toBeNull();
  });

  it('refuses those who want as many as were refused, or more, and asks the gate for those who want fewer', () => {
    const soldOut = createSoldOut();
    soldOut.remember('s', 'tee', 3);
    expect([2, 3, 4].map((quantity) => soldOut.refuses('s', tees(quantity)))).toEqual([null, 'tee', 'tee']);
    soldOut.remember('s', 'tee', 5);
    expect(soldOut.refuses('s', tees(3))).toBe('tee');
    soldOut.remember('s', 'tee', 1);
    expect(soldOut.refuses('s', tees(1))).toBe('tee');
  });

  it('names the line that cannot be had', () => {
    const soldOut = createSoldOut();
    soldOut.remember('s', 'cap', 1);
    expect(soldOut.refuses('s', [...tees(1), { sku: 'cap', quantity: 1 }])).toBe('cap');
  });

  it('is forgotten at once when units came back', () => {
    const soldOut = createSoldOut();
    soldOut.remember('s', 'tee', 1);
    soldOut.remember('other', 'tee', 1);
    soldOut.forget('s');
    expect(soldOut.refuses('s', tees(1))).toBeNull();
    expect(soldOut.refuses('other', tees(1))).toBe('tee');
  });

  it.each([
    ['the instant before a second has passed', 999, 'tee'],
    ['after a second', 1_000, null],
  ])('%s the gate is asked again or not', (_, afterMs, answer) => {
    const soldOut = createSoldOut();
    soldOut.remember('s', 'tee', 1);
    vi.advanceTimersByTime(afterMs);
    expect(soldOut.refuses('s', tees(1))).toBe(answer);
  });

  it('does not refuse those who want one for ever because others, who want more, are still refused', () => {
    const soldOut = createSoldOut();
    soldOut.remember('s', 'tee', 1);
    vi.advanceTimersByTime(5_000);
    // One unit came back; the gate refuses three of them.
    soldOut.remember('s', 'tee', 3);
    expect(soldOut.refuses('s', tees(3))).toBe('tee');
    expect(soldOut.refuses('s', tees(1))).toBeNull();
  });
});
