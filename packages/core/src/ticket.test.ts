import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reservationStatuses } from './reservation.ts';
import {
  isSettledForBuyer,
  makeTicketId,
  parseTicketId,
  saleIdPattern,
  type TicketStatus,
  totalMinor,
} from './ticket.ts';

const secret = '0123456789ABCDEFabcdef';
const shards = fc.stringMatching(/^[0-9a-z]{1,4}$/);
const saleIds = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const secrets = fc.stringMatching(/^[0-9A-Za-z]{22}$/);

describe('a ticket id', () => {
  it('gives back its shard and its sale, whatever the sale is called', () => {
    fc.assert(
      fc.property(shards, saleIds, secrets, (shard, saleId, random) => {
        expect(parseTicketId(makeTicketId(shard, saleId, random))).toEqual({ shard, saleId });
      }),
    );
  });

  it.each(['a', 'a-', 'a--b', '0-0-0', 'a.b_c', `x${'-'.repeat(63)}`])(
    'keeps the sale %s apart from its other parts',
    (saleId) => {
      expect(parseTicketId(makeTicketId('0', saleId, secret))).toEqual({ shard: '0', saleId });
    },
  );

  it.each([
    ['nothing', ''],
    ['a hyphen', '-'],
    ['hyphens', '---'],
    ['no sale', `0-${secret}`],
    ['an empty sale', `0--${secret}`],
    ['an empty shard', `-tees-${secret}`],
    ['a shard in capitals', `A-tees-${secret}`],
    ['a shard too long', `00000-tees-${secret}`],
    ['a short secret', `0-tees-${secret.slice(1)}`],
    ['a long secret', `0-tees-${secret}0`],
    ['a secret with a sign', `0-tees-${secret.slice(1)}_`],
    ['a line break at the end', `0-tees-${secret}\n`],
    ['a line break inside', `0-te\nes-${secret}`],
    ['a null byte', `0-te\0es-${secret}`],
    ['a blank', `0-te es-${secret}`],
    ['a Redis tag', `0-{s1}-${secret}`],
    ['a colon', `0-a:b-${secret}`],
    ['a path', `0-../..-${secret}`],
    ['a percent sign', `0-%2e%2e-${secret}`],
    ['digits of another script', `٠-tees-${secret}`],
    ['a sale id too long', `0-${'a'.repeat(65)}-${secret}`],
    ['a megabyte', `0-${'a'.repeat(1_000_000)}-${secret}`],
    ['a megabyte of hyphens', '-'.repeat(1_000_000)],
  ])('is not %s', (_, ticketId) => {
    expect(parseTicketId(ticketId)).toBeNull();
  });

  it('is either refused or made of well-formed parts, whatever a stranger sends', () => {
    const pieces = fc.array(fc.oneof(fc.string(), fc.constantFrom('-', '0', 'tees', secret, '\n', ':')), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          pieces.map((parts) => parts.join('')),
        ),
        (ticketId) => {
          const place = parseTicketId(ticketId);
          if (place === null) return;
          expect(place.saleId).toMatch(saleIdPattern);
          expect(place.shard).toMatch(/^[0-9a-z]{1,4}$/);
          expect(ticketId.startsWith(`${place.shard}-${place.saleId}-`)).toBe(true);
        },
      ),
    );
  });
});

describe('a ticket', () => {
  it('costs the sum of its lines in minor units', () => {
    expect(totalMinor([])).toBe(0);
    expect(
      totalMinor([
        { sku: 'tee', quantity: 2, unitPriceMinor: 4_900 },
        { sku: 'cap', quantity: 1, unitPriceMinor: 1_500 },
      ]),
    ).toBe(11_300);
  });

  it('may be left alone by a poller exactly when nothing happens to it by itself', () => {
    const moving = reservationStatuses.filter(
      (status) => status !== 'paid_late' && !isSettledForBuyer(status as TicketStatus),
    );
    expect(moving).toEqual(['lobby', 'queued', 'waitlisted', 'held']);
  });
});
