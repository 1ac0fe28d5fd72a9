import { createHash } from 'node:crypto';
import type { CommandEntry, IntakeEntry, ReserveEntry } from '@holdfast/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  headAgain,
  headOf,
  packLines,
  packPayment,
  packSeconds,
  parseEntry,
  personOf,
  tipAfter,
  unpackLines,
} from './entry-format.ts';

/** What the gate's scripts append to a head. */
const appended = (head: string, admitted: boolean, at: number, person = '2\n\n\n') =>
  `${person}\n${head}\n${admitted ? '1' : '0'}\n${at}\n17`;

// Everything that comes from outside is refused with a line break in it, so none of these has one.
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !/[\n\r]/.test(value));
const name = text.filter((value) => value !== '');
const lines = fc.array(
  fc.record({ sku: name, quantity: fc.integer({ min: 1, max: 1_000 }), unitPriceMinor: fc.maxSafeNat() }),
  { minLength: 1, maxLength: 5 },
);
const base = {
  seq: fc.integer({ min: 1 }),
  id: name,
  ticketId: name,
  admitted: fc.boolean(),
  at: fc.maxSafeNat(),
  tip: fc.stringMatching(/^[0-9a-f]{40}$/),
};
const reservations: fc.Arbitrary<ReserveEntry> = fc.record({
  ...base,
  kind: fc.constantFrom('reserve', 'withdraw'),
  buyerId: text,
  lines,
  idempotencyKey: fc.option(name),
  fingerprint: fc.option(name),
});
const commands: fc.Arbitrary<CommandEntry> = fc.record({
  ...base,
  kind: fc.constantFrom('confirm', 'cancel', 'extend', 'grant', 'deny', 'return', 'refunded'),
  paymentRef: fc.option(fc.string({ unit: 'grapheme' })),
  seconds: fc.option(fc.integer()),
  reason: fc.option(name),
});

describe('an entry of the intake', () => {
  it('is read as it was written, whatever buyers call themselves and whatever they pay with', () => {
    fc.assert(
      fc.property(fc.oneof<fc.Arbitrary<IntakeEntry>[]>(reservations, commands), (entry) => {
        const packed = appended(headAgain(entry), entry.admitted, entry.at, personOf(entry));
        expect(parseEntry(entry.seq, packed, entry.tip)).toEqual(entry);
      }),
    );
  });

  it('keeps its head when it is carried over to another gate, so that its line stays what it was', () => {
    fc.assert(
      fc.property(fc.oneof<fc.Arbitrary<IntakeEntry>[]>(reservations, commands), (entry) => {
        const head = headAgain(entry);
        const person = personOf(entry);
        const carried = parseEntry(9, appended(head, false, 5, person), entry.tip) as IntakeEntry;
        expect([personOf(carried), headAgain(carried)]).toEqual([person, head]);
      }),
    );
  });

  it('has eleven fields, one a line', () => {
    const head = headOf('reserve', 'a', packLines([{ sku: 'tee', quantity: 1, unitPriceMinor: 5 }]), 'mark');
    expect(appended(head, true, 7, '2\nb\nkey\n')).toBe(
      '2\nb\nkey\n\nreserve\na\n[["tee",1,5]]\nmark\n1\n7\n17',
    );
  });

  const good = appended(headOf('reserve', 'a', '[["tee",1,5]]', ''), true, 7, '2\nb\n\n');
  it.each([
    ['nothing', ''],
    ['another version', good.replace(/^2/, '1')],
    ['a kind that does not exist', good.replace('reserve', 'steal')],
    ['the clock, which never stands in the intake', good.replace('reserve', 'expire')],
    ['a field too few', good.slice(0, good.lastIndexOf('\n'))],
    ['a field too many', `${good}\n`],
    ['lines that are no JSON', good.replace('[["tee",1,5]]', '[["tee",1')],
    ['lines that are no list', good.replace('[["tee",1,5]]', '{}')],
    ['seconds that are no number', appended(headOf('extend', 'a', '{}', ''), false, 7)],
    ['a payment that is no JSON', appended(headOf('confirm', 'a', '', ''), false, 7, '2\n\n{\n')],
    ['a payment that is no text', appended(headOf('confirm', 'a', '', ''), false, 7, '2\n\nnull\n')],
  ])('is unreadable and never guessed at: %s', (_, packed) => {
    expect(parseEntry(1, packed, 'tip')).toBeNull();
  });

  it('never throws, whatever stands in the intake', () => {
    const fields = fc.array(
      fc.oneof(text, fc.constantFrom('1', '0', 'reserve', 'confirm', '[]', '{}', 'null')),
      { maxLength: 13 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fields.map((parts) => ['2', ...parts].join('\n')),
        ),
        (packed) => {
          const entry = parseEntry(1, packed, 'tip');
          if (entry !== null) expect(entry.seq).toBe(1);
        },
      ),
    );
  });
});

describe('the chain', () => {
  it('is what Redis computes: SHA-1 of the tip before, a line break and what follows the person', () => {
    const sha1hex = (value: string) => createHash('sha1').update(value).digest('hex');
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (tip, packed) => {
        expect(tipAfter(tip, `2\nann\nkey\n\n${packed}`)).toBe(sha1hex(`${tip}\n${packed}`));
      }),
    );
  });

  it('says nothing of the person, so that nobody can try a name on it', () => {
    fc.assert(
      fc.property(reservations, commands, text, (reservation, command, other) => {
        const tip = (entry: IntakeEntry) =>
          tipAfter('', appended(headAgain(entry), true, 7, personOf(entry)));
        expect(tip({ ...reservation, buyerId: other, idempotencyKey: other })).toBe(tip(reservation));
        expect(tip({ ...command, paymentRef: other, id: other })).toBe(tip(command));
      }),
    );
  });

  it('differs as soon as one entry, or the order of two, differs', () => {
    const chain = (...entries: string[]) => entries.reduce(tipAfter, '');
    expect(chain('a', 'b')).not.toBe(chain('b', 'a'));
    expect(chain('a', 'b')).not.toBe(chain('a', 'c'));
    expect(chain('a', 'b')).not.toBe(chain('a'));
  });
});

describe('what an entry carries', () => {
  it('brings lines back as they were', () => {
    fc.assert(
      fc.property(lines, (some) => {
        expect(unpackLines(packLines(some))).toEqual(some);
      }),
    );
  });

  it('says nothing where there is nothing to say', () => {
    expect([packPayment(null), packSeconds(null)]).toEqual(['', '']);
    expect([packPayment('pay'), packSeconds(0)]).toEqual(['"pay"', '0']);
    expect(packPayment('a\nb')).not.toContain('\n');
  });
});
