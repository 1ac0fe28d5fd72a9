import type { RefusalCode } from './refusal.ts';
import { totalMinor, type Ticket, type TicketStatus } from './ticket.ts';
import { transitions, unpaidRefusals } from './transitions.ts';

/** What a provider says became of a payment, once its signature was checked. */
export interface PaymentNotice {
  /** `failed` is one attempt; the buyer may try again. `cancelled` is the end of the payment, without money. */
  kind: 'succeeded' | 'failed' | 'cancelled';
  /** The provider's id of the payment; becomes the reservation's payment reference. */
  paymentRef: string;
  /** As it was given to the provider when the payment began; null for a payment that is not ours. */
  ticketId: string | null;
  /** What was received, in minor units; 0 unless it succeeded. */
  amountMinor: number;
  /** As on the sale, upper case. */
  currency: string;
}

/**
 * What follows from a notice. `mismatch`: money came, but not what the ticket costs. Nothing is done with the ticket
 * then: it may still be paid as it should, and a payment that was not made for it must not end its hold. People look.
 */
export type PaymentMove = 'confirm' | 'cancel' | 'nothing' | 'mismatch';

/**
 * Pure. A payment that succeeded is always handed to the reservation, whatever its state: it ends in the units or in a
 * refund. One that failed leaves the hold, so that the buyer may try another card; its deadline gives it back. One that
 * was cancelled gives the hold back at once.
 */
export function moveForPayment(notice: PaymentNotice, ticket: Ticket): PaymentMove {
  switch (notice.kind) {
    case 'succeeded':
      return notice.amountMinor === totalMinor(ticket.lines) && notice.currency === ticket.currency
        ? 'confirm'
        : 'mismatch';
    case 'cancelled':
      return ticket.status === 'held' ? 'cancel' : 'nothing';
    case 'failed':
      return 'nothing';
  }
}

/** What a buyer who wants to begin a payment is told; null where there is a hold to pay for. */
export function refusalToPay(status: TicketStatus): RefusalCode | null {
  const transition = transitions[status].confirm;
  return 'refuse' in transition ? transition.refuse : (unpaidRefusals[status] ?? null);
}

/** Whether a payment that is new to a ticket in this state buys nothing, as when another has: it can only be given back. */
export function isSurplus(status: TicketStatus): boolean {
  return 'refuse' in transitions[status].confirm;
}
