import {
  type EdgeGate,
  isSurplus,
  moveForPayment,
  type PaymentNotice,
  type PaymentProvider,
  type Refusal,
} from '@holdfast/core';
import type { EventLog } from './call.ts';
import type { PaymentCounts, UnclaimedReason } from './metrics.ts';

/** A payment provider, and what becomes of what it tells. */
export interface Payments {
  provider: PaymentProvider;
  counts: PaymentCounts;
  /**
   * Hands a notice to its ticket. `taken` only when what follows has its place in the intake, was decided before, or is
   * nothing; any refusal must make the provider send again. Twice is once.
   */
  take(notice: PaymentNotice): Promise<{ kind: 'taken' } | Refusal>;
}

const taken = { kind: 'taken' } as const;

export function createPayments(
  provider: PaymentProvider,
  gate: Pick<EdgeGate, 'readTicket' | 'command'>,
  log: EventLog,
): Payments {
  const counts: PaymentCounts = {
    notices: { succeeded: 0, failed: 0, cancelled: 0 },
    unsigned: 0,
    unclaimed: { unknown_ticket: 0, mismatch: 0, surplus: 0 },
  };

  /** The provider names the ticket of a payment; logs do not, since its id is the key to it. */
  function unclaimed(notice: PaymentNotice, reason: UnclaimedReason): void {
    counts.unclaimed[reason] += 1;
    const { paymentRef, amountMinor, currency } = notice;
    log.error({ paymentRef, amountMinor, currency, reason }, 'money came that bought nothing');
  }

  return {
    provider,
    counts,
    async take(notice) {
      // Somebody else's payment on the same account.
      if (notice.ticketId === null) return taken;
      counts.notices[notice.kind] += 1;
      const read = await gate.readTicket(notice.ticketId);
      if (read.kind === 'refused' && read.code !== 'unknown_ticket') return read;
      if (read.kind === 'refused') {
        // Sending again would not make the ticket known.
        if (notice.kind === 'succeeded') unclaimed(notice, 'unknown_ticket');
        else log.warn({ paymentRef: notice.paymentRef, kind: notice.kind }, 'a payment of an unknown ticket');
        return taken;
      }
      const { ticket } = read;
      const { paymentRef } = notice;
      const command = { ticketId: ticket.id, seconds: null };
      switch (moveForPayment(notice, ticket)) {
        case 'confirm': {
          // Without a key a command is known by its content, so the same payment is one confirm, told however often.
          const answer = await gate.command({
            ...command,
            kind: 'confirm',
            idempotencyKey: null,
            paymentRef,
          });
          if (answer.kind === 'refused') return answer;
          if (answer.kind === 'appended' && isSurplus(ticket.status)) unclaimed(notice, 'surplus');
          return taken;
        }
        case 'cancel': {
          const idempotencyKey = `payment ${paymentRef}`;
          const answer = await gate.command({ ...command, kind: 'cancel', idempotencyKey, paymentRef: null });
          return answer.kind === 'refused' ? answer : taken;
        }
        case 'mismatch':
          unclaimed(notice, 'mismatch');
          return taken;
        case 'nothing':
          return taken;
      }
    },
  };
}
