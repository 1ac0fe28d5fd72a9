import type { CommandEntry, CommandKind } from './entry.ts';
import type { NewEvent } from './journal.ts';
import type { RefusalCode } from './refusal.ts';
import type { Reservation } from './reservation.ts';
import type { ExtensionRule } from './sale.ts';
import { transitions, unpaidRefusals } from './transitions.ts';

/** What a decision may look at besides the reservation. */
export interface Rules {
  holdSeconds: number;
  extension: ExtensionRule | null;
}

/** A command to one reservation; `at` is the gate's time, epoch milliseconds. */
export interface Command {
  kind: CommandKind;
  id: string | null;
  at: number;
  paymentRef: string | null;
  seconds: number | null;
}

export function commandOf(entry: CommandEntry): Command {
  return {
    kind: entry.kind,
    id: entry.id,
    at: entry.at,
    paymentRef: entry.paymentRef,
    seconds: entry.seconds,
  };
}

/**
 * What happens when `command` meets `reservation`; never throws, never changes its arguments.
 * `now` is the run's time: deadlines are set from it, but a command is judged by the time at which it reached the gate,
 * so that a confirm that came in time counts even if the ledger was away.
 * A refusal is an event too (`refused`): the same command must get the same answer again.
 */
export function decide(command: Command, reservation: Reservation, rules: Rules, now: number): NewEvent[] {
  if (command.id !== null && reservation.outcomes[command.id] !== undefined) return [];
  if (isOverdue(command, reservation)) {
    const expired = happened('expired', { ...command, id: null }, reservation, now);
    return [expired, ...decideInState(command, 'expired', reservation, rules, now)];
  }
  return decideInState(command, reservation.status, reservation, rules, now);
}

/** A deadline is the last instant that counts: a command at it is in time, one after it is not. */
function isOverdue(command: Command, reservation: Reservation): boolean {
  return (
    reservation.status === 'held' &&
    command.kind !== 'expire' &&
    reservation.expiresAt !== null &&
    command.at > reservation.expiresAt
  );
}

/** Nobody waits to hear of a refusal of these: a grant that comes too late only hands back. */
const unanswered: ReadonlySet<CommandKind> = new Set(['expire', 'grant', 'deny', 'end']);

function decideInState(
  command: Command,
  status: Reservation['status'],
  reservation: Reservation,
  rules: Rules,
  now: number,
): NewEvent[] {
  const transition = transitions[status][command.kind];
  if ('refuse' in transition) {
    if (unanswered.has(command.kind)) return [];
    return [refused(command, reservation, transition.refuse, now)];
  }
  switch (command.kind) {
    case 'confirm': {
      const unpaid = unpaidRefusals[status];
      if (unpaid !== undefined && command.paymentRef === null)
        return [refused(command, reservation, unpaid, now)];
      const { to } = transition;
      const type = to === 'paid_late' || to === 'refund_due' ? to : 'confirmed';
      return [paid(happened(type, command, reservation, now), command)];
    }
    case 'cancel':
      return [happened('cancelled', command, reservation, now)];
    case 'expire':
      return reservation.expiresAt !== null && reservation.expiresAt < now
        ? [happened('expired', command, reservation, now)]
        : [];
    case 'extend':
      return [extended(command, reservation, rules, now)];
    case 'grant': {
      if (transition.to === 'confirmed') return [happened('confirmed', command, reservation, now)];
      const event = happened('held', command, reservation, now);
      event.data.expiresAt = now + rules.holdSeconds * 1000;
      return [event];
    }
    case 'deny': {
      if (transition.to === 'refund_due') return [happened('refund_due', command, reservation, now)];
      const event = happened('rejected', command, reservation, now);
      event.data.reason = 'closed';
      return [event];
    }
    case 'end': {
      const { to } = transition;
      const type = to === 'refund_due' || to === 'cancelled' ? to : 'rejected';
      const event = happened(type, command, reservation, now);
      event.data.reason = 'closed';
      return [event];
    }
    case 'return':
      return [happened('returned', command, reservation, now)];
    case 'refunded':
      return [happened('refunded', command, reservation, now)];
  }
}

function extended(command: Command, reservation: Reservation, rules: Rules, now: number): NewEvent {
  const rule = rules.extension;
  if (rule === null || reservation.extensions >= rule.times || reservation.expiresAt === null)
    return refused(command, reservation, 'extension_limit', now);
  const left = rule.totalSeconds - reservation.extendedSeconds;
  const seconds = Math.min(command.seconds ?? rules.holdSeconds, left);
  if (seconds <= 0) return refused(command, reservation, 'extension_limit', now);
  const event = happened('extended', command, reservation, now);
  event.data.seconds = seconds;
  event.data.expiresAt = reservation.expiresAt + seconds * 1000;
  return event;
}

function happened(type: NewEvent['type'], command: Command, reservation: Reservation, now: number): NewEvent {
  return { type, ticketId: reservation.ticketId, commandId: command.id, data: {}, at: now };
}

function refused(command: Command, reservation: Reservation, reason: RefusalCode, now: number): NewEvent {
  const event = happened('refused', command, reservation, now);
  event.data.reason = reason;
  // A payment that buys nothing, since another did, is found in the journal.
  return paid(event, command);
}

function paid(event: NewEvent, { paymentRef }: Command): NewEvent {
  if (paymentRef !== null) event.data.paymentRef = paymentRef;
  return event;
}
