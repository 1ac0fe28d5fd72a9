import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbers, texts } from './columns.ts';

/** A one-dimensional array literal read by the grammar of Postgres: quoted elements are texts, a bare NULL is null. */
function read(literal: string): (string | null)[] {
  const values: (string | null)[] = [];
  let at = 1;
  while (literal[at] !== '}') {
    let value = '';
    if (literal[at] === '"') {
      for (at++; literal[at] !== '"'; at++) {
        if (literal[at] === '\\') at++;
        if (at >= literal.length) throw new Error('The literal ends inside a quoted element');
        value += literal[at];
      }
      at++;
      values.push(value);
    } else {
      while (literal[at] !== ',' && literal[at] !== '}') value += literal[at++];
      values.push(value === 'NULL' ? null : value);
    }
    if (literal[at] === ',') at++;
  }
  if (at !== literal.length - 1) throw new Error('The literal goes on after its end');
  return values;
}

describe('a column of texts', () => {
  it('brings every text to the ledger as it was, whatever a buyer wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.string({ unit: 'binary' }))), (values) => {
        expect(read(texts(values))).toEqual(values);
      }),
    );
  });

  it.each([
    ['quotes and backslashes', '"\\"\\\\"'],
    ['braces and commas', '{a,b},'],
    ['a statement', "'); drop table reservations; --"],
    ['the word for nothing', 'NULL'],
    ['nothing', ''],
    ['blanks', '  '],
    ['a line break', 'a\nb'],
    ['JSON', JSON.stringify({ a: ['"', '\\', '\n', '{'] })],
  ])('keeps %s apart from its own signs', (_, value) => {
    expect(read(texts([value, null, value]))).toEqual([value, null, value]);
  });

  it('may be empty', () => {
    expect(texts([])).toBe('{}');
  });
});

describe('a column of numbers', () => {
  it('brings every number and every absent one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true })))),
        (values) => {
          const back = read(numbers(values)).map((value) => (value === null ? null : Number(value)));
          expect(back).toEqual(values.map((value) => (value === 0 ? 0 : value)));
        },
      ),
    );
  });

  it('writes moments and units without an exponent', () => {
    expect(numbers([1_700_000_000_000, Number.MAX_SAFE_INTEGER, 0, null])).toBe(
      '{1700000000000,9007199254740991,0,NULL}',
    );
    expect(numbers([])).toBe('{}');
  });
});
