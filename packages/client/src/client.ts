import { ask, refusalOf, salePath } from './ask.ts';
import {
  type ClientSettings,
  type CommandSettings,
  createBuyerCalls,
  type ReserveRequest,
  settingsOf,
} from './buyer-calls.ts';
import type { Sale } from './sale.ts';
import type { Refused, Ticket, TicketAnswer } from './ticket.ts';

/**
 * The buyer's side of a sale, for browsers and Node. Every verb resolves to the ticket or to a refusal with its code,
 * and throws `HoldfastUnreachable` only when the server could not be reached at all; a repeat after a lost answer
 * carries the same Idempotency-Key, and so gets the same ticket. Where a sale asks newcomers for a proof of work, it is
 * done here, and `HoldfastUnsolvable` is thrown where that cannot be.
 */
export function createClient(given: ClientSettings) {
  const settings = settingsOf(given);
  const { enter, ...calls } = createBuyerCalls(settings);
  return {
    ...calls,

    /** Takes a place in line. With `waitSeconds` (up to 30) the answer waits until the place is held or rejected. */
    reserve(
      saleId: string,
      request: ReserveRequest,
      { waitSeconds = 0, ...command }: CommandSettings & { waitSeconds?: number } = {},
    ): Promise<TicketAnswer> {
      const headers: Record<string, string> = waitSeconds > 0 ? { Prefer: `wait=${waitSeconds}` } : {};
      return enter(saleId, 'reservations', request, command, headers, waitSeconds * 1_000);
    },

    /** Joins the lobby of a sale that is not open yet: once per buyer, and drawn before everyone who comes later. */
    joinLobby(saleId: string, request: ReserveRequest, command: CommandSettings = {}): Promise<TicketAnswer> {
      return enter(saleId, 'lobby', request, command);
    },

    /** All sales that are to be seen. */
    sales(signal?: AbortSignal): Promise<{ kind: 'sales'; sales: Sale[] } | Refused> {
      return list('sales', '/v1/sales', signal);
    },

    /** What the buyer of the token has of a sale, the newest first: after a lost page, or on another device. */
    tickets(saleId: string, signal?: AbortSignal): Promise<{ kind: 'tickets'; tickets: Ticket[] } | Refused> {
      return list('tickets', salePath(saleId, '/tickets'), signal);
    },
  };

  async function list<Kind extends string, List>(kind: Kind, path: string, signal?: AbortSignal) {
    const response = await ask(settings, path, {}, signal);
    return response.ok ? { kind, ...((await response.json()) as List) } : refusalOf(response);
  }
}

export type Client = ReturnType<typeof createClient>;
