import { describe, expect, test } from 'vitest';
import { brokenLaws } from './crowd.ts';

const crowd = { title: 'many units', stock: 100 };

describe('the bench ends with exit code 1', () => {
  test.each([
    ['one unit too many was sold', 3_000, 100, 101, ['oversold, 101 of 100']],
    [
      'one unit stayed unsold with demand enough',
      3_000,
      99,
      99,
      ['unsold, 99 of 100 with 3000 buyers answered'],
    ],
    ['fewer buyers than units, and one has none', 50, 49, 49, ['unsold, 49 of 100 with 50 buyers answered']],
    [
      'a buyer was promised a unit that no row shows',
      3_000,
      101,
      100,
      ['lost, 101 were promised a unit and 100 have one'],
    ],
  ])('when %s', (_what, answered, taken, units, sentences) => {
    const broken = brokenLaws('row-lock', crowd, answered, taken, { holds: units, units });
    expect(broken).toEqual(sentences.map((sentence) => `row-lock, many units: ${sentence}`));
  });

  test.each([
    ['exactly the stock was sold', 3_000, 100, 100],
    ['every buyer of a small crowd has a unit', 50, 50, 50],
  ])('but not when %s', (_what, answered, taken, units) => {
    expect(brokenLaws('row-lock', crowd, answered, taken, { holds: units, units })).toEqual([]);
  });
});
