import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJsonMediaType, matchesETag, readIdempotencyKey, readWaitSeconds } from './request-headers.ts';

describe('Idempotency-Key', () => {
  test('names the same key quoted and not', () => {
    expect(readIdempotencyKey('"k-1"')).toEqual(readIdempotencyKey('k-1'));
    expect(readIdempotencyKey(String.raw`"a\"b\\c"`)).toEqual({ kind: 'key', key: String.raw`a"b\c` });
  });

  test('any printable text of 1 to 255 characters is the same key with and without quotes', () => {
    const key = fc
      .string({ minLength: 1, maxLength: 255, unit: 'grapheme-ascii' })
      .filter((text) => !text.startsWith('"'));
    fc.assert(
      fc.property(key, (text) => {
        expect(readIdempotencyKey(text)).toEqual({ kind: 'key', key: text });
        expect(readIdempotencyKey(`"${text.replace(/["\\]/g, '\\$&')}"`)).toEqual({ kind: 'key', key: text });
      }),
    );
  });

  test.each(['', '""', 'x'.repeat(256), `"${'x'.repeat(256)}"`, '"open', 'caf\u00e9', 'tab\tbed', '"'])(
    '%j is invalid',
    (header) => {
      expect(readIdempotencyKey(header)).toEqual({ kind: 'invalid' });
    },
  );

  test('may be absent', () => {
    expect(readIdempotencyKey(undefined)).toEqual({ kind: 'absent' });
  });
});

describe('Prefer', () => {
  test.each([
    ['wait=5', 5],
    ['wait=0', 0],
    ['wait=30', 30],
    ['wait=31', 30],
    ['wait=999999999', 30],
    ['respond-async, wait=7', 7],
    ['Wait = "9"', 9],
    ['wait=5; foo', 5],
    ['wait=x', 0],
    ['wait=-1', 0],
    ['wait=1.5', 0],
    ['await=5', 0],
    ['', 0],
  ])('%j waits %d seconds', (header, seconds) => {
    expect(readWaitSeconds(header)).toBe(seconds);
  });
});

describe('If-None-Match', () => {
  test.each([
    ['"1-0-1"', true],
    ['W/"1-0-1"', true],
    ['"x", "1-0-1"', true],
    ['*', true],
    ['"2-0-1"', false],
    ['1-0-1', false],
  ])('%s against "1-0-1": %s', (header, matches) => {
    expect(matchesETag(header, '"1-0-1"')).toBe(matches);
  });
});

test.each([
  ['application/json', true],
  ['application/json; charset=utf-8', true],
  ['Application/JSON', true],
  ['application/vnd.api+json', true],
  ['text/json', false],
  ['application/jsonp', false],
  ['text/plain', false],
  [undefined, false],
])('a body of type %s is read as JSON: %s', (header, yes) => {
  expect(isJsonMediaType(header)).toBe(yes);
});
