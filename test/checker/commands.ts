/**
 * Confirm, cancel and extend: what was taken is decided (I2), what was decided was asked (I3), a repeat has the same
 * answer (I4), a confirm counts by when it was sent (I9), and who has paid has the units or gets the money back (I10).
 */
import { clockToleranceMs, codeIn, type Context, isTaken, isUnknown, ticketIn } from './answer.ts';
import type { Operation } from './evidence.ts';
import type { Ticket } from './ticket.ts';

export interface Commands {
  follow(operation: Operation): void;
  merchant(operation: Operation): void;
  end(): void;
}

type Kind = 'confirm' | 'cancel' | 'extend';

/** One command, however often it was sent: by its key, else by what it says. */
interface Command {
  kind: Kind;
  answer: string | null;
  /** Which command of its kind it was is not recorded: it may be the same as another. */
  isUncertain: boolean;
  isTaken: boolean;
  /** Answered with its outcome, which is in the ledger whatever the gate may forget. */
  isDecided: boolean;
  /** When it was sent, at the earliest. */
  sentAt: number;
  payments: Set<string | null>;
  /** Told that it is too late, or given up, or bought: an answer after which a payment must have gone somewhere. */
  isJudged: boolean;
}

const kinds: readonly Kind[] = ['confirm', 'cancel', 'extend'];
const bought = new Set(['confirmed', 'returned', 'refund_due', 'refunded']);

export function createCommands({ ledger, faults, findings }: Context): Commands {
  const commandsOf = new Map<string, Map<string, Command>>();
  const calls = new Map<string, Set<string>>();
  let number = 0;

  return { follow, merchant, end };

  function follow(operation: Operation): void {
    number += 1;
    const { ticketId, op, sentAt, answeredAt, paymentRef, status } = operation;
    if (ticketId === null) return;
    const ticket = ledger.tickets.get(ticketId);
    const outcome = status === 200 ? 'ok' : status === 409 ? codeIn(operation) : null;
    if (outcome === null && status !== 202 && !isUnknown(operation)) return;
    if (ticket === undefined || ticket.state === 'new') return;
    const command = commandOf(ticketId, op as Kind, nameOf(operation));
    command.sentAt = Math.min(command.sentAt, sentAt);
    command.payments.add(paymentRef);
    if (status === 202 || outcome !== null) command.isTaken = true;
    if (outcome !== null) command.isDecided = true;
    if (isTaken(operation) || outcome === 'hold_expired' || outcome === 'already_cancelled')
      command.isJudged = true;
    if (outcome === null) return;

    findings.looked('I4');
    command.answer ??= outcome;
    if (command.answer !== outcome && !ledger.erased && !faults.ledgerLost)
      findings.broken(
        'I4',
        `ticket ${ticketId}: the same ${op} was answered ${command.answer} and ${outcome}.`,
      );
    if (outcome === 'ok') kept(ticket, operation);
    if (outcome === 'hold_expired' && op === 'confirm' && answeredAt !== null) {
      // One that was given up, and paid all the same, is refused in the same words.
      const wasGivenUp = ticket.moments.some(({ shown }) => shown === 'cancelled' || shown === 'refund_due');
      const deadline = wasGivenUp ? null : lastDeadline(ticket);
      findings.looked('I9');
      if (deadline !== null && answeredAt + clockToleranceMs < deadline)
        findings.broken(
          'I9',
          `ticket ${ticketId} was refused as expired ${Math.round(deadline - answeredAt)} ms before its deadline.`,
        );
    }
  }

  /** Two extensions without a key are one only if they ask for the same, and that may not have been recorded. */
  function nameOf({ op, key, paymentRef, seconds }: Operation): string {
    if (key !== null) return `${op} key ${key}`;
    if (op === 'extend' && seconds === undefined) return `${op} request ${number}`;
    return `${op} ${JSON.stringify([paymentRef, seconds ?? null])}`;
  }

  function commandOf(ticketId: string, kind: Kind, name: string): Command {
    let commands = commandsOf.get(ticketId);
    if (commands === undefined) {
      commands = new Map();
      commandsOf.set(ticketId, commands);
    }
    let command = commands.get(name);
    if (command === undefined) {
      command = {
        kind,
        answer: null,
        isUncertain: name.startsWith('extend request'),
        isTaken: false,
        isDecided: false,
        sentAt: Number.POSITIVE_INFINITY,
        payments: new Set(),
        isJudged: false,
      };
      commands.set(name, command);
    }
    return command;
  }

  /** Who was told that it is done finds it done. */
  function kept({ id, state, moments }: Ticket, operation: Operation): void {
    const shown = ticketIn(operation)?.status;
    const was = (status: string) => moments.some((moment) => moment.shown === status);
    if (faults.ledgerLost) return;
    findings.looked('I10');
    if (operation.op === 'cancel' && !was('cancelled'))
      findings.broken('I10', `ticket ${id}: its buyer was told that it is cancelled, and it is ${state}.`);
    if (operation.op !== 'confirm') return;
    if (shown !== undefined && !bought.has(shown))
      findings.broken('I10', `ticket ${id}: a confirm was answered with 200, and the ticket as ${shown}.`);
    if (![...bought].some(was))
      findings.broken(
        'I10',
        `ticket ${id}: its buyer was told that it is bought or refunded, and it is ${state}.`,
      );
  }

  function merchant({ call, key, status }: Operation): void {
    number += 1;
    if (call === undefined || (status !== null && status >= 300 && status < 500)) return;
    let made = calls.get(call);
    if (made === undefined) {
      made = new Set();
      calls.set(call, made);
    }
    made.add(key ?? `request ${number}`);
  }

  function end(): void {
    for (const ticket of ledger.tickets.values()) {
      if (ticket.state === 'new') continue;
      const commands = [...(commandsOf.get(ticket.id)?.values() ?? [])];
      for (const kind of kinds) counted(ticket, kind, commands);
      paid(ticket, commands);
      inTime(ticket, commands);
    }
    called('restock', ledger.restocks);
    called('withdraw', ledger.withdrawals);
    called('return', ledger.returns);
    called('refunded', ledger.refunds);
  }

  /** Each command leaves one event, a refusal too. */
  function counted({ id, answered }: Ticket, kind: Kind, commands: readonly Command[]): void {
    let possible = 0;
    let taken = 0;
    let uncertain = 0;
    for (const command of commands) {
      if (command.kind !== kind) continue;
      possible += 1;
      if (!command.isDecided && !(command.isTaken && command.sentAt > faults.lastLoss)) continue;
      if (command.isUncertain) uncertain = 1;
      else taken += 1;
    }
    if (possible === 0 && answered[kind] === 0) return;
    findings.looked('I3');
    if (answered[kind] > possible)
      findings.broken(
        'I3',
        `ticket ${id}: the journal answers ${answered[kind]} ${kind}, and ${possible} can have been asked.`,
      );
    taken = Math.max(taken, uncertain);
    if (taken === 0) return;
    findings.looked('I2');
    if (taken > answered[kind] && !faults.ledgerLost)
      findings.broken(
        'I2',
        `ticket ${id}: ${taken} ${kind} were taken, and the journal answers ${answered[kind]}.`,
      );
  }

  function paid({ id, row, state }: Ticket, commands: readonly Command[]): void {
    const payments = new Set<string | null>();
    for (const { kind, payments: brought } of commands)
      if (kind === 'confirm') for (const payment of brought) payments.add(payment);
    if (row?.paymentRef != null) {
      findings.looked('I3');
      if (!payments.has(row.paymentRef))
        findings.broken('I3', `ticket ${id} is paid with ${row.paymentRef}, which nobody brought.`);
    }
    if (state === 'paid_late')
      findings.broken('I10', `ticket ${id} is paid, and neither bought nor due a refund.`);
    for (const { kind, payments: brought, isJudged, isDecided, sentAt } of commands) {
      const [payment] = brought;
      // A key that was used with and without a payment stands for whichever came first.
      if (kind !== 'confirm' || !isJudged || brought.size > 1 || payment == null) continue;
      if (faults.ledgerLost || (!isDecided && sentAt <= faults.lastLoss)) continue;
      findings.looked('I10');
      if (state === 'expired' || state === 'cancelled')
        findings.broken('I10', `ticket ${id} was paid with ${payment}, and is ${state}: paid, and nothing.`);
    }
  }

  /** A hold is bought from its state only by a confirm that reached the gate by its deadline. */
  function inTime({ id, moments }: Ticket, commands: readonly Command[]): void {
    const index = moments.findIndex(({ shown }) => shown === 'confirmed');
    const before = moments[index - 1];
    if (before === undefined || before.shown !== 'held' || before.deadline === null) return;
    let sentAt = Number.POSITIVE_INFINITY;
    for (const command of commands) if (command.kind === 'confirm') sentAt = Math.min(sentAt, command.sentAt);
    if (sentAt === Number.POSITIVE_INFINITY) return;
    findings.looked('I9');
    if (sentAt > before.deadline + clockToleranceMs)
      findings.broken(
        'I9',
        `ticket ${id} was confirmed as if in time, ${Math.round(sentAt - before.deadline)} ms after its deadline.`,
      );
  }

  function called(call: string, times: number): void {
    if (times === 0) return;
    findings.looked('I3');
    const asked = calls.get(call)?.size ?? 0;
    if (times > asked)
      findings.broken(
        'I3',
        `the journal has ${times} events of the merchant's ${call}, and ${asked} were called.`,
      );
  }
}

function lastDeadline({ moments }: Ticket): number | null {
  for (let index = moments.length - 1; index >= 0; index -= 1) {
    const deadline = moments[index]?.deadline;
    if (deadline != null) return deadline;
  }
  return null;
}
