/**
 * The sale desk: what a merchant does to a sale. Each verb changes the ledger first, under its comparison, then brings
 * the gate up to date, and only then answers: the next request to any edge sees it. Only a withdrawal starts at the
 * gate, since it takes units, and units are the gate's to give.
 */
import { type MerchantCommand, refuse } from '@holdfast/core';
import { openDrawn, openLobby } from './lobby.ts';
import { extendHolds } from './more-time.ts';
import type { DeskAnswer, DeskParts, DeskRequest } from './parts.ts';
import { changeTerms, create, type DeskVerb, move, type NewSale, restock, type SaleTerms } from './sales.ts';
import { effective } from './step.ts';
import { command, withdraw } from './through-the-line.ts';

export interface Desk {
  create(sale: NewSale, request: DeskRequest | null): Promise<DeskAnswer>;
  change(saleId: string, terms: SaleTerms, request: DeskRequest | null): Promise<DeskAnswer>;
  /**
   * Opening a lobby ends it, and is answered when all its members have their place in line; `beacon` is a public value
   * that nobody had before, and only a lobby's opening takes one.
   */
  move(
    saleId: string,
    verb: DeskVerb,
    request: DeskRequest | null,
    beacon?: string | null,
  ): Promise<DeskAnswer>;
  /** Opens the lobby, and publishes the digest of the seed by which its members will be drawn. */
  openLobby(saleId: string, request: DeskRequest | null): Promise<DeskAnswer>;
  /** Adds `quantity` units (1 or more) to an item's stock. */
  restock(saleId: string, sku: string, quantity: number, request: DeskRequest | null): Promise<DeskAnswer>;
  /** Takes `quantity` units (1 or more) off the sale; `not_enough_available` when the gate cannot give them. */
  withdraw(saleId: string, sku: string, quantity: number, request: DeskRequest | null): Promise<DeskAnswer>;
  /**
   * More time, `seconds`, for every hold that is open now, without touching the buyers' own extensions. Done in pieces;
   * the same request goes on where it was cut off, and gives nobody the time twice.
   */
  extendHolds(saleId: string, seconds: number, request: DeskRequest | null): Promise<DeskAnswer>;
  /**
   * `return` takes the units of a confirmed reservation back and puts them on sale again; `refunded` closes one that is
   * `refund_due`. What is so already is `repeated`; `invalid_transition` in any other state.
   */
  command(ticketId: string, kind: MerchantCommand): Promise<DeskAnswer>;
  /** Brings the gate to where the ledger is, for a request whose change stands but was never answered. */
  settle(saleId: string): Promise<DeskAnswer>;
}

export function createDesk(parts: DeskParts): Desk {
  return {
    create: (sale, request) => create(parts, sale, request),
    change: (saleId, terms, request) => changeTerms(parts, saleId, terms, request),
    async move(saleId, verb, request, beacon = null) {
      const read = verb === 'open' ? await parts.ledger.readSale(saleId) : null;
      if (read?.sale.status === 'lobby') return openDrawn(parts, saleId, beacon, request);
      return beacon === null ? move(parts, saleId, verb, request) : refuse('invalid_transition');
    },
    openLobby: (saleId, request) => openLobby(parts, saleId, request),
    restock: (saleId, sku, quantity, request) => restock(parts, saleId, sku, quantity, request),
    withdraw: (saleId, sku, quantity, request) => withdraw(parts, saleId, sku, quantity, request),
    extendHolds: (saleId, seconds, request) => extendHolds(parts, saleId, seconds, request),
    command: (ticketId, kind) => command(parts, ticketId, kind),
    settle: async (saleId) => effective(parts, saleId, 'repeated'),
  };
}
