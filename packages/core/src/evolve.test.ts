import { describe, expect, it } from 'vitest';
import { evolve } from './evolve.ts';
import type { EventData, EventType } from './journal.ts';
import type { Reservation } from './reservation.ts';

const queued: Reservation = {
  ticketId: 't',
  saleId: 's',
  seq: 1,
  epoch: 1,
  buyerId: 'b',
  idempotencyKey: 'key',
  fingerprint: 'mark',
  lines: [{ sku: 'tee', quantity: 1, unitPriceMinor: 100 }],
  status: 'queued',
  version: 1,
  reservedAt: 10,
  expiresAt: null,
  confirmedAt: null,
  paymentRef: null,
  reason: null,
  heldAt: null,
  extensions: 0,
  extendedSeconds: 0,
  tip: 'tip',
  outcomes: {},
};

const apply = (before: Reservation, type: EventType, data: EventData = {}, commandId: string | null = null) =>
  evolve(before, { type, ticketId: 't', commandId, data, at: 50 });

describe('the fold of a reservation', () => {
  it.each([
    ['held', { expiresAt: 90 }, { status: 'held', heldAt: 50, expiresAt: 90 }],
    ['held', {}, { status: 'held', heldAt: 50, expiresAt: null }],
    ['waitlisted', {}, { status: 'waitlisted' }],
    ['rejected', { reason: 'sold_out' }, { status: 'rejected', reason: 'sold_out' }],
    ['rejected', {}, { status: 'rejected', reason: null }],
    ['withdrawn', {}, { status: 'confirmed', confirmedAt: 50 }],
    ['confirmed', { paymentRef: 'p' }, { status: 'confirmed', confirmedAt: 50, paymentRef: 'p' }],
    ['paid_late', { paymentRef: 'p' }, { status: 'paid_late', paymentRef: 'p' }],
    ['cancelled', {}, { status: 'cancelled' }],
    ['expired', {}, { status: 'expired' }],
    ['returned', {}, { status: 'returned' }],
    ['refund_due', {}, { status: 'refund_due' }],
    ['refunded', {}, { status: 'refunded' }],
  ] as const)('%s %j moves it on by one version', (type, data, change) => {
    expect(apply(queued, type, data)).toEqual({ ...queued, version: 2, ...change });
  });

  it.each([
    'handed_back',
    'sale_created',
    'sale_changed',
    'sale_moved',
    'restocked',
    'gate_rebuilt',
    'repaired',
    'quarantined',
  ] as const)('%s is not about the buyer and changes nothing', (type) => {
    expect(apply(queued, type)).toEqual(queued);
  });

  it('adds up extensions and keeps the deadline that an event does not name', () => {
    const held = { ...queued, status: 'held' as const, expiresAt: 90 };
    const once = apply(held, 'extended', { seconds: 30, expiresAt: 120 });
    expect(once).toMatchObject({ extensions: 1, extendedSeconds: 30, expiresAt: 120, version: 2 });
    expect(apply(once, 'extended')).toMatchObject({
      extensions: 2,
      extendedSeconds: 30,
      expiresAt: 120,
      version: 3,
    });
  });

  it('keeps the payment of a late payer through the answer of the gate', () => {
    const late = { ...queued, status: 'paid_late' as const, paymentRef: 'p' };
    expect(apply(late, 'confirmed')).toMatchObject({ paymentRef: 'p' });
    expect(apply(late, 'paid_late')).toMatchObject({ paymentRef: 'p' });
  });

  it('remembers the answer to each command, refused ones too, and to nothing else', () => {
    const refused = apply(queued, 'refused', { reason: 'sold_out' }, 'confirm.1');
    expect(refused).toEqual({ ...queued, outcomes: { 'confirm.1': 'sold_out' } });
    expect(apply(refused, 'cancelled', {}, 'cancel.1').outcomes).toEqual({
      'confirm.1': 'sold_out',
      'cancel.1': 'ok',
    });
    expect(apply(refused, 'expired').outcomes).toEqual({ 'confirm.1': 'sold_out' });
  });

  it('never changes the reservation it was given', () => {
    const before = structuredClone(queued);
    apply(queued, 'held', { expiresAt: 90 }, 'grant.1');
    expect(queued).toEqual(before);
  });
});
