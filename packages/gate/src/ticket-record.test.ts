import { type Outcome, type Reservation, reservationStatuses } from '@holdfast/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordOf, ticketOf } from './ticket-record.ts';

// Everything that comes from outside is refused with a line break in it, so none of these has one.
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !/[\n\r]/.test(value));
const name = text.filter((value) => value !== '');
const outcomes = fc.dictionary(
  fc.stringMatching(/^(confirm|cancel|extend)\.[\w-]{1,22}$/),
  fc.constantFrom<Outcome>('ok', 'hold_expired', 'extension_limit'),
  { maxKeys: 4, noNullPrototype: true },
);
const reservations: fc.Arbitrary<Reservation> = fc.record({
  ticketId: fc.constant('0-sale-x'),
  saleId: fc.constant('sale'),
  seq: fc.nat(),
  epoch: fc.nat(),
  buyerId: text,
  idempotencyKey: fc.constant(null),
  fingerprint: fc.constant(null),
  lines: fc.array(
    fc.record({ sku: name, quantity: fc.integer({ min: 1 }), unitPriceMinor: fc.maxSafeNat() }),
    { minLength: 1, maxLength: 5 },
  ),
  status: fc.constantFrom(...reservationStatuses),
  version: fc.nat(),
  reservedAt: fc.maxSafeNat(),
  heldAt: fc.constant(null),
  expiresAt: fc.option(fc.maxSafeNat()),
  confirmedAt: fc.constant(null),
  paymentRef: fc.constant(null),
  reason: fc.option(fc.constantFrom('closed' as const, 'sold_out' as const)),
  extensions: fc.nat(3),
  extendedSeconds: fc.nat(200),
  tip: fc.stringMatching(/^[0-9a-f]{40}$/),
  outcomes,
});

describe('a ticket’s record', () => {
  it('is read as it was written, whatever buyers and things are called', () => {
    fc.assert(
      fc.property(reservations, (kept) => {
        const { seq, epoch, buyerId, lines, version, reservedAt, expiresAt, reason, tip } = kept;
        const left = 3 - kept.extensions;
        const seconds = 120 - (kept.extensions === 0 ? 0 : kept.extendedSeconds);
        const extensions = left > 0 && seconds > 0 ? { left, seconds } : { left: 0, seconds: 0 };
        expect(ticketOf('0-sale-x', 'sale', 'EUR 3 120', 0, recordOf(kept, epoch))).toEqual({
          id: '0-sale-x',
          saleId: 'sale',
          status: kept.status === 'paid_late' ? 'expired' : kept.status,
          version,
          seq,
          ahead: 0,
          buyerId,
          lines,
          currency: 'EUR',
          reservedAt,
          expiresAt,
          extensions: expiresAt === null ? null : extensions,
          reason,
          receipt: `${epoch}.${seq}.${tip}`,
          outcomes: kept.outcomes,
        });
      }),
    );
  });

  it('counts who is ahead while it is queued, and shows no outcome of a command that is undecided', () => {
    const lines = [
      '1',
      '',
      'queued',
      '',
      '',
      '9',
      '1',
      '5',
      '7',
      'ab',
      'ann',
      '[["tee",1,4900]]',
      ' confirm.x',
      '',
    ];
    expect(ticketOf('t', 's', 'EUR', 4, lines.join('\n'))).toMatchObject({ ahead: 2, outcomes: {} });
    expect(ticketOf('t', 's', 'EUR', 40, lines.join('\n'))).toMatchObject({ ahead: 0 });
  });

  it('that is empty is no ticket', () => {
    expect(ticketOf('t', 's', 'EUR', 0, '')).toBeNull();
  });
});
