import { describe, expect, it } from 'vitest';
import type { CommandKind } from './entry.ts';
import { refusalCodes } from './refusal.ts';
import { isFinal, type ReservationStatus, reservationStatuses } from './reservation.ts';
import { transitions, unpaidRefusals } from './transitions.ts';

const commands: CommandKind[] = [
  'confirm',
  'cancel',
  'extend',
  'expire',
  'grant',
  'deny',
  'end',
  'return',
  'refunded',
];
const pairs = reservationStatuses.flatMap((status) => commands.map((command) => [status, command] as const));

describe('the transition table', () => {
  it('answers every command in every state, and no others', () => {
    expect(Object.keys(transitions).sort()).toEqual([...reservationStatuses].sort());
    for (const status of reservationStatuses)
      expect(Object.keys(transitions[status]).sort(), status).toEqual([...commands].sort());
  });

  it.each(pairs)('%s x %s leads to a known state or is refused with a known code', (status, command) => {
    const transition = transitions[status][command];
    if ('to' in transition) expect(reservationStatuses).toContain(transition.to);
    else expect(refusalCodes).toContain(transition.refuse);
  });

  it('lets nothing out of an end state, except a hold that is paid after it was over', () => {
    const ways = pairs
      .filter(([status]) => isFinal(status))
      .filter(([status, command]) => 'to' in transitions[status][command])
      .map(([status, command]) => `${status} x ${command}`);
    expect(ways).toEqual(['cancelled x confirm', 'expired x confirm']);
    expect(Object.keys(unpaidRefusals).sort(), 'by a payment only').toEqual(['cancelled', 'expired']);
  });

  it('has a way to an end from every state', () => {
    const ends = (status: ReservationStatus, seen: ReadonlySet<ReservationStatus>): boolean =>
      isFinal(status) ||
      commands.some((command) => {
        const transition = transitions[status][command];
        return (
          'to' in transition &&
          !seen.has(transition.to) &&
          ends(transition.to, new Set([...seen, transition.to]))
        );
      });
    expect(reservationStatuses.filter((status) => !ends(status, new Set([status])))).toEqual([]);
  });

  it('never takes a paid reservation from its buyer: only the merchant ends it, by a return or by cancelling the sale', () => {
    const ways = commands.filter((command) => 'to' in transitions.confirmed[command]);
    expect(ways).toEqual(['end', 'return']);
  });
});
