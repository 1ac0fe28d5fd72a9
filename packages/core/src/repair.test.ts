import { describe, expect, it } from 'vitest';
import { compareCounters } from './repair.ts';

/** Ten tees, of which 4 were taken and 1 came back; 2 stand in the intake. */
const ledger = new Map([['tee', { stock: 10, taken: 4, returned: 1 }]]);
const inIntake = new Map([['tee', 2]]);
const gate = (ceiling: number, admitted: number, sku = 'tee') => [{ sku, ceiling, admitted }];

describe('the counters of gate and ledger', () => {
  it('agree when what was admitted was taken or is in the intake, and the ceiling is what there is and came back', () => {
    expect(compareCounters(ledger, gate(11, 6), inIntake)).toEqual([]);
  });

  it.each([
    ['units that were given to nobody', 11, 9, [{ sku: 'tee', kind: 'leak', units: 3 }]],
    ['a ceiling that is too low', 9, 6, [{ sku: 'tee', kind: 'low_ceiling', units: 2 }]],
    ['a ceiling that is too high', 12, 6, [{ sku: 'tee', kind: 'gate_too_high', units: 1 }]],
    ['units that the gate forgot', 11, 5, [{ sku: 'tee', kind: 'gate_too_high', units: 1 }]],
    [
      'a gate without the item',
      0,
      0,
      [
        { sku: 'tee', kind: 'gate_too_high', units: 6 },
        { sku: 'tee', kind: 'low_ceiling', units: 11 },
      ],
    ],
    [
      'too much on one side and too little on the other, which do not make up for each other',
      12,
      7,
      [
        { sku: 'tee', kind: 'gate_too_high', units: 1 },
        { sku: 'tee', kind: 'leak', units: 1 },
      ],
    ],
  ])('show %s', (_, ceiling, admitted, found) => {
    expect(compareCounters(ledger, gate(ceiling, admitted), inIntake)).toEqual(found);
  });

  it('say nothing of an item that the ledger does not have', () => {
    expect(compareCounters(ledger, gate(1, 1, 'hat'), new Map())).toEqual([]);
  });
});
