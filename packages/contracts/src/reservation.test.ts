import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeIssues } from './issues.ts';
import { isReservationBody, maxLines, reservationBody } from './reservation.ts';

const line = { sku: 'tee-m', quantity: 1 };

function judged(body: unknown) {
  const result = reservationBody.safeParse(body);
  return result.success ? { code: 'ok' as const, issues: [] } : judgeIssues(result.error);
}

describe('a reservation body', () => {
  test.each([
    ['buyer alone', { buyerId: 'b' }],
    ['one line', { buyerId: 'b', lines: [line] }],
    ['a name of 128 characters', { buyerId: 'b'.repeat(128) }],
    ['a name of 128 characters that take two units each', { buyerId: '😀'.repeat(128) }],
    ['more than any stock', { buyerId: 'b', lines: [{ ...line, quantity: Number.MAX_SAFE_INTEGER }] }],
    ['as many lines as are allowed', { buyerId: 'b', lines: many(maxLines) }],
  ])('is taken with %s', (_name, body) => {
    expect(judged(body).code).toBe('ok');
  });

  test.each([
    ['no buyer', {}],
    ['an empty buyer', { buyerId: '' }],
    ['129 characters', { buyerId: 'b'.repeat(129) }],
    ['129 characters of two units', { buyerId: '😀'.repeat(129) }],
    ['a control character', { buyerId: 'a\u0000b' }],
    ['half a surrogate pair', { buyerId: '\ud800' }],
    ['a number for a name', { buyerId: 7 }],
    ['an unknown field', { buyerId: 'b', admin: true }],
    ['an unknown field in a line', { buyerId: 'b', lines: [{ ...line, price: 0 }] }],
    ['an own __proto__', JSON.parse('{"buyerId":"b","__proto__":{}}')],
    ['no lines in lines', { buyerId: 'b', lines: [] }],
    ['the same sku twice', { buyerId: 'b', lines: [line, { ...line, quantity: 2 }] }],
    ['too many lines', { buyerId: 'b', lines: many(maxLines + 1) }],
    ['a quantity in letters', { buyerId: 'b', lines: [{ ...line, quantity: '1' }] }],
    ['no quantity', { buyerId: 'b', lines: [{ sku: 'tee-m' }] }],
    ['an array', []],
    ['null', null],
    ['a bad quantity and a bad name', { buyerId: '', lines: [{ ...line, quantity: 0 }] }],
  ])('is invalid_body with %s', (_name, body) => {
    expect(judged(body).code).toBe('invalid_body');
    expect(judged(body).issues.length).toBeGreaterThan(0);
  });

  test.each([0, -1, 1.5, 0.1, 1e20, -1e20])('is invalid_quantity with a quantity of %d', (quantity) => {
    expect(judged({ buyerId: 'b', lines: [{ ...line, quantity }] }).code).toBe('invalid_quantity');
  });

  test('lists everything that is wrong, by place', () => {
    const { issues } = judged({ buyerId: '', extra: 1, lines: [line, { sku: '', quantity: 'x' }] });
    expect(issues.map((issue) => issue.pointer).sort()).toEqual([
      '',
      '/buyerId',
      '/lines/1/quantity',
      '/lines/1/sku',
    ]);
  });

  test('never repeats what was sent, whatever it was', () => {
    const marked = fc.string({ minLength: 1, maxLength: 12 }).map((text) => `§${text}§`);
    const anything = fc.oneof(
      fc.dictionary(marked, marked),
      fc.record({
        buyerId: marked.map((text) => text.repeat(60)),
        lines: fc.array(fc.dictionary(marked, marked)),
      }),
      fc.record({ buyerId: fc.anything(), lines: fc.array(fc.record({ sku: marked, quantity: marked })) }),
    );
    fc.assert(
      fc.property(anything, (body) => {
        expect(JSON.stringify(judged(body))).not.toContain('§');
      }),
    );
  });
});

describe('the check of the hot route', () => {
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom('b', '', 'a\u0000', '\ud800', 'x'.repeat(129)),
    fc.jsonValue(),
  );
  const quantity = fc.oneof(fc.integer({ min: -1, max: 3 }), fc.double(), fc.jsonValue());
  const wish = fc.oneof(
    fc.record({ sku: name, quantity }, { requiredKeys: [] }),
    fc.record({ sku: fc.constantFrom('a', 'b', 'c'), quantity: fc.constantFrom(1, 2) }),
    fc.jsonValue(),
  );
  const lines = fc.oneof(
    fc.array(wish, { maxLength: 4 }),
    fc.constant(many(maxLines)),
    fc.constant(many(maxLines + 1)),
    fc.jsonValue(),
  );
  const body = fc.oneof(
    fc.record({ buyerId: fc.constant('b'), lines }, { requiredKeys: ['buyerId'] }),
    fc.record({ buyerId: name, lines, extra: fc.jsonValue() }, { requiredKeys: [] }),
    fc.jsonValue(),
  );

  test('says yes to exactly what the schema takes', () => {
    let taken = 0;
    fc.assert(
      fc.property(body, (made) => {
        const sent: unknown = JSON.parse(JSON.stringify(made));
        const result = reservationBody.safeParse(sent);
        expect(isReservationBody(sent)).toBe(result.success);
        if (result.success) expect(result.data).toEqual(sent);
        if (result.success) taken += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

function many(count: number) {
  return Array.from({ length: count }, (_, index) => ({ sku: `sku-${index}`, quantity: 1 }));
}
