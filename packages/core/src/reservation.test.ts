import { describe, expect, it } from 'vitest';
import { countsForBuyer, holdsUnits, isFinal, reservationStatuses, unitsOf, waits } from './reservation.ts';

const those = (holds: (status: (typeof reservationStatuses)[number]) => boolean) =>
  reservationStatuses.filter(holds);

describe('what a state means', () => {
  it('takes units from the stock only for those who are held or confirmed', () => {
    expect(those(holdsUnits)).toEqual(['held', 'confirmed']);
  });

  it("counts what a buyer has and what a buyer may still get against the buyer's limit", () => {
    expect(those(countsForBuyer)).toEqual(['queued', 'waitlisted', 'held', 'confirmed']);
  });

  it('asks the gate for units only for the waitlist and for those who paid late', () => {
    expect(those(waits)).toEqual(['waitlisted', 'paid_late']);
  });

  it('never calls a reservation over that holds units or waits for them', () => {
    for (const status of reservationStatuses)
      expect(isFinal(status) && (holdsUnits(status) || waits(status)), status).toBe(false);
    expect(those(isFinal)).toEqual(['cancelled', 'expired', 'rejected', 'returned', 'refunded']);
  });

  it('counts the units of all lines', () => {
    expect(unitsOf([])).toBe(0);
    expect(unitsOf([{ quantity: 2 }, { quantity: 3 }])).toBe(5);
  });
});
