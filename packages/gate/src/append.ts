import { type Refusal, refuse } from '@holdfast/core';
import type { SaleKeys } from './keys.ts';
import type { KnownSale } from './sale-reader.ts';

/** One command of a ticket, as its entry will stand in the intake. */
export interface Appending {
  ticketId: string;
  commandId: string;
  head: string;
  /** Entries that may wait for the ledger. */
  intakeLimit: number;
  /** Commands that the ticket may have seen. */
  mostCommands: number;
  /** The packed payment reference, or ''. */
  payment: string;
}

/** Keys and arguments of the script that gives a command its place. */
export function appendCall(
  keys: SaleKeys,
  sale: KnownSale,
  { ticketId, commandId, head, intakeLimit, mostCommands, payment }: Appending,
): { names: string[]; args: (string | number)[] } {
  return {
    names: [keys.boot, keys.sale, keys.intake, keys.ticket(ticketId)],
    args: [sale.epoch, commandId, head, intakeLimit, mostCommands, payment],
  };
}

/** What the script's word means when the command got no place. */
export function notAppended(word: string): Refusal {
  switch (word) {
    case 'unknown_ticket':
      return refuse('unknown_ticket');
    case 'too_many':
      return refuse('rate_limited', { retryAfterSeconds: 60 });
    case 'ledger_unavailable':
      return refuse('ledger_unavailable', { retryAfterSeconds: 2 });
    default:
      return refuse('gate_unavailable', { retryAfterSeconds: 1 });
  }
}
