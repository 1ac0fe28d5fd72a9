import { describe, expect, it } from 'vitest';
import { isLost } from './lost.ts';
import type { KnownSale } from './sale-reader.ts';

const tip = 'a'.repeat(40);
const at = 1_000_000;

function sale(now: number, rebuilt: KnownSale['rebuilt'] = { at, tellsUntil: at + 60_000 }): KnownSale {
  return { epoch: '3', rebuilt, view: { now } } as KnownSale;
}

describe('a ticket that a whole gate does not have', () => {
  it.each([
    ['given by an older gate, once the edges had their time', `2.7.${tip}`, at + 10_000, 'lost'],
    ['the instant before', `2.7.${tip}`, at + 9_999, 'not_yet'],
    ['as long as the gate knows all that the ledger has', `2.7.${tip}`, at + 59_999, 'lost'],
    ['and no longer', `2.7.${tip}`, at + 60_000, 'unknown'],
    ['given by this gate, as the receipt says', `3.7.${tip}`, at + 20_000, 'unknown'],
    ['given by a gate to come', `4.7.${tip}`, at + 20_000, 'unknown'],
    ['with something that is no receipt', 'a receipt', at + 20_000, 'unknown'],
    ['with nothing', '', at + 20_000, 'unknown'],
  ] as const)('%s', (_, receipt, now, expected) => {
    expect(isLost(sale(now), receipt)).toBe(expected);
  });

  it('is unknown at a gate that was never rebuilt', () => {
    expect(isLost(sale(at, null), `2.7.${tip}`)).toBe('unknown');
  });
});
