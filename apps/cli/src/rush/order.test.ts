import { property, assert, array, record, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Acknowledged, countOutOfOrder } from './order.ts';

describe('out of order', () => {
  it('is nought when whoever was answered first stands first', () => {
    expect(
      countOutOfOrder([
        { sentAtMs: 0, receivedAtMs: 1, place: 1 },
        { sentAtMs: 2, receivedAtMs: 3, place: 2 },
      ]),
    ).toBe(0);
  });

  it('counts a buyer who asked after another had an answer and stands before them', () => {
    expect(
      countOutOfOrder([
        { sentAtMs: 0, receivedAtMs: 1, place: 2 },
        { sentAtMs: 2, receivedAtMs: 3, place: 1 },
      ]),
    ).toBe(1);
  });

  it('lets two who asked together stand either way, up to the very instant of the answer', () => {
    expect(
      countOutOfOrder([
        { sentAtMs: 0, receivedAtMs: 2, place: 2 },
        { sentAtMs: 2, receivedAtMs: 3, place: 1 },
      ]),
    ).toBe(0);
  });

  it('finds exactly the pairs that comparing every two buyers finds', () => {
    const ticket = record({
      sentAtMs: integer({ min: 0, max: 30 }),
      tookMs: integer({ min: 0, max: 10 }),
      place: integer({ min: 1, max: 40 }),
    }).map(({ sentAtMs, tookMs, place }) => ({ sentAtMs, receivedAtMs: sentAtMs + tookMs, place }));
    assert(
      property(array(ticket, { maxLength: 60 }), (tickets) => {
        expect(countOutOfOrder(tickets)).toBe(everyPair(tickets));
      }),
    );
  });
});

function everyPair(tickets: readonly Acknowledged[]): number {
  return tickets.reduce(
    (pairs, a) => pairs + tickets.filter((b) => a.receivedAtMs < b.sentAtMs && a.place > b.place).length,
    0,
  );
}
