import { describe, expect, it } from 'vitest';
import { isSurplus, moveForPayment, type PaymentNotice, refusalToPay } from './payment.ts';
import { reservationStatuses } from './reservation.ts';
import type { Ticket, TicketStatus } from './ticket.ts';

const statuses = reservationStatuses.filter((status): status is TicketStatus => status !== 'paid_late');

function ticket(status: TicketStatus): Ticket {
  return {
    id: 't',
    saleId: 's',
    status,
    version: 2,
    seq: 7,
    ahead: 0,
    buyerId: 'b',
    lines: [{ sku: 'tee', quantity: 2, unitPriceMinor: 4_900 }],
    currency: 'EUR',
    reservedAt: 0,
    expiresAt: null,
    extensions: null,
    reason: null,
    receipt: '1.7.tip',
    outcomes: {},
  };
}

const paid: PaymentNotice = {
  kind: 'succeeded',
  paymentRef: 'pay_1',
  ticketId: 't',
  amountMinor: 9_800,
  currency: 'EUR',
};

describe('a payment', () => {
  it.each(statuses)(
    'that succeeded reaches a ticket that is %s, so that it ends in units or a refund',
    (status) => {
      expect(moveForPayment(paid, ticket(status))).toBe('confirm');
    },
  );

  it.each([
    ['too little', { amountMinor: 9_799 }],
    ['too much', { amountMinor: 9_801 }],
    ['other money', { currency: 'USD' }],
  ])('of %s confirms nothing', (_, change) => {
    expect(moveForPayment({ ...paid, ...change }, ticket('held'))).toBe('mismatch');
  });

  it('that failed leaves the hold; one that was cancelled gives a hold back, and nothing else', () => {
    for (const status of statuses) {
      expect(moveForPayment({ ...paid, kind: 'failed', amountMinor: 0 }, ticket(status))).toBe('nothing');
      expect(moveForPayment({ ...paid, kind: 'cancelled', amountMinor: 0 }, ticket(status))).toBe(
        status === 'held' ? 'cancel' : 'nothing',
      );
    }
  });

  it('can be begun for a hold only', () => {
    const told = Object.fromEntries(statuses.map((status) => [status, refusalToPay(status)]));
    expect(told).toEqual({
      lobby: 'not_open',
      queued: 'not_open',
      waitlisted: 'sold_out',
      held: null,
      confirmed: 'already_confirmed',
      cancelled: 'already_cancelled',
      expired: 'hold_expired',
      rejected: 'sold_out',
      returned: 'already_cancelled',
      refund_due: 'hold_expired',
      refunded: 'hold_expired',
    });
  });

  it('is one too many where another has bought, or been owed, already', () => {
    expect(statuses.filter(isSurplus)).toEqual(
      statuses.filter((s) => !['held', 'cancelled', 'expired'].includes(s)),
    );
  });
});
