import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chance, makeBuyer } from './buyer.ts';
import { readOptions, type RushOptions } from './options.ts';

const EXAMPLES = new URL('../../../../examples/', import.meta.url);

describe('the options of a rush', () => {
  it('have a sensible crowd when there are none', () => {
    expect(usable([])).toMatchObject({
      sale: { holdSeconds: 3, items: [{ sku: 'unit', stock: 100 }] },
      crowd: { buyers: 1_000, arrivals: { kind: 'closed', concurrency: 64 }, stockUnits: 100 },
      workers: 2,
      edges: 1,
    });
  });

  it('make an open crowd of a rate, with a buyer for every arrival', () => {
    expect(usable(['--rate', '200', '--duration', '5']).crowd).toMatchObject({
      buyers: 1_000,
      arrivals: { kind: 'open', perSecond: 200, durationSeconds: 5 },
    });
  });

  it('take every ready case, and win over what it says', () => {
    const cases = readdirSync(EXAMPLES).filter((name) => name.endsWith('.json'));
    expect(cases).toHaveLength(6);
    for (const name of cases) {
      const options = usable([
        '--sale',
        new URL(name, EXAMPLES).pathname,
        '--buyers',
        '7',
        '--hold-seconds',
        '9',
      ]);
      expect(options.crowd.buyers).toBe(7 * options.crowd.atOnce);
      expect(options.sale.holdSeconds).toBe(9);
    }
  });

  it('mix quantities evenly', () => {
    expect(usable(['--quantity', '1-3']).crowd.baskets.map(({ lines }) => lines[0]?.quantity)).toEqual([
      1, 2, 3,
    ]);
  });

  it.each([
    [['--buyers', 'many'], '--buyers is many; it must be a whole number from 1 to 100000000'],
    [['--buyers', ''], '--buyers is '],
    [['--reads', '1'], '--reads is 1; it must be a number from 0 to 0.9'],
    [['--quantity', '0'], '--quantity is 0; it must be like 2 or 1-3'],
    [['--quantity', '3-1'], '--quantity is 3-1; it must be like 2 or 1-3'],
    [['--duration', '5'], '--duration goes with --rate'],
    [['--rate', '5', '--concurrency', '5'], '--concurrency is for a closed crowd, --rate for an open one'],
    [['--against', 'http://127.0.0.1:1'], '--against needs --console and --key'],
    [['--against', 'ftp://x', '--sale-id', 's'], '--against is ftp://x; it must be like'],
    [['--sale', '/no/such/file.json'], '--sale /no/such/file.json: ENOENT'],
    [['--bogus'], "Unknown option '--bogus'"],
  ])('refuse %j with a sentence', (argv, sentence) => {
    const read = readOptions(argv, NOTHING_SET);
    expect(read).toEqual({
      kind: 'unusable',
      problems: expect.arrayContaining([expect.stringContaining(sentence)]),
    });
  });

  it('complain of everything at once', () => {
    const read = readOptions(['--buyers', 'x', '--stock', 'y', '--tries', '0'], NOTHING_SET);
    expect(read.kind === 'unusable' && read.problems).toHaveLength(3);
  });
});

describe('a buyer of the crowd', () => {
  const plan = {
    ...usable(['--seed', '7', '--confirm-rate', '0.5', '--quantity', '1-4']).crowd,
    edges: [],
    saleId: 's',
    runId: 'r',
    crowd: 'r',
  };

  it('is the same person each time for the same seed', () => {
    expect(makeBuyer(plan, 41)).toEqual(makeBuyer(plan, 41));
  });

  it('makes, with the others, the shares that were asked for', () => {
    const crowd = Array.from({ length: 20_000 }, (_, number) => makeBuyer(plan, number));
    expect(crowd.filter((buyer) => buyer.confirms).length / 20_000).toBeCloseTo(0.5, 1);
    expect(crowd.filter((buyer) => buyer.confirms && buyer.streams).length / 20_000).toBeCloseTo(0.25, 1);
    for (const quantity of [1, 2, 3, 4]) {
      expect(crowd.filter((buyer) => buyer.lines[0]?.quantity === quantity).length / 20_000).toBeCloseTo(
        0.25,
        1,
      );
    }
    expect(chance(0, 0, 0)).toBeLessThan(1);
  });
});

const NOTHING_SET = { console: undefined, key: undefined };

function usable(argv: string[]): RushOptions {
  const read = readOptions(argv, { console: undefined, key: undefined });
  if (read.kind !== 'rush') throw new Error(JSON.stringify(read));
  return read.options;
}
