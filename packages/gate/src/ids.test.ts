import { type CommandRequest, type Line, parseTicketId } from '@holdfast/core';
import { describe, expect, it } from 'vitest';
import { commandIdOf, fingerprintOf, newTicketId } from './ids.ts';

const confirm: CommandRequest = {
  ticketId: 't',
  kind: 'confirm',
  idempotencyKey: null,
  paymentRef: 'pay',
  seconds: null,
};

describe('a new ticket id', () => {
  it('can be read again, and never comes twice', () => {
    const ids = Array.from({ length: 2_000 }, () => newTicketId('0', 'tees-2026'));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(parseTicketId(id)).toEqual({ shard: '0', saleId: 'tees-2026' });
  });
});

describe('the id of a command', () => {
  it('is the same for the same call, so that a repeat is recognised', () => {
    expect(commandIdOf({ ...confirm })).toBe(commandIdOf(confirm));
    expect(commandIdOf({ ...confirm, idempotencyKey: 'k' })).toBe(
      commandIdOf({ ...confirm, idempotencyKey: 'k' }),
    );
  });

  it('is another for another kind, content or key', () => {
    const ids = [
      confirm,
      { ...confirm, paymentRef: 'other' },
      { ...confirm, paymentRef: null },
      { ...confirm, kind: 'cancel' as const },
      { ...confirm, kind: 'extend' as const, paymentRef: null, seconds: 60 },
      { ...confirm, kind: 'extend' as const, paymentRef: null, seconds: 61 },
      { ...confirm, idempotencyKey: 'k' },
      { ...confirm, idempotencyKey: 'l' },
      { ...confirm, idempotencyKey: 'k', kind: 'cancel' as const },
    ].map(commandIdOf);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names its kind and is no property that every object has, nor longer for a longer key', () => {
    for (const idempotencyKey of ['__proto__', 'constructor', 'k'.repeat(255), 'a\nb'])
      expect(commandIdOf({ ...confirm, idempotencyKey })).toMatch(/^confirm\.[0-9A-Za-z_-]{22}$/);
  });
});

describe('the fingerprint of a body', () => {
  it('does not depend on the order of its lines', () => {
    const tee = { sku: 'tee', quantity: 1 };
    const cap = { sku: 'cap', quantity: 2 };
    expect(fingerprintOf([tee, cap])).toBe(fingerprintOf([cap, tee]));
  });

  it('differs for another item, another quantity and another number of lines', () => {
    const marks = [
      [],
      [{ sku: 'tee', quantity: 1 }],
      [{ sku: 'tee', quantity: 2 }],
      [{ sku: 'cap', quantity: 1 }],
      [
        { sku: 'tee', quantity: 1 },
        { sku: 'cap', quantity: 1 },
      ],
      [{ sku: 'tee,1', quantity: 1 }],
    ].map(fingerprintOf);
    expect(new Set(marks).size).toBe(marks.length);
  });

  it('does not change with the price, which is the sale’s to set', () => {
    const cheap: Line = { sku: 'tee', quantity: 1, unitPriceMinor: 100 };
    const dear: Line = { ...cheap, unitPriceMinor: 200 };
    expect(fingerprintOf([cheap])).toBe(fingerprintOf([dear]));
  });
});
