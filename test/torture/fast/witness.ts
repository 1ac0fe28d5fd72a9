/** What clients asked and what they were answered, as it would have crossed the wire; the checker's history. */
import { problem, refusalProblem, saleJson, ticketJson } from '@holdfast/contracts';
import type { Refusal, SaleView, Ticket } from '@holdfast/core';

export interface Operation {
  op: 'reserve' | 'confirm' | 'cancel' | 'extend' | 'read' | 'sale' | 'merchant';
  saleId: string;
  ticketId: string | null;
  buyerId: string | null;
  key: string | null;
  lines: [sku: string, quantity: number][] | null;
  paymentRef: string | null;
  seconds: number | null;
  sentAt: number;
  answeredAt: number | null;
  status: number | null;
  body: object | null;
  call?: string;
}

export interface Witness {
  history: Operation[];
  /** An operation that is sent now, without an answer so far. */
  sent(operation: Pick<Operation, 'op'> & Partial<Operation>): Operation;
}

export function createWitness(saleId: string): Witness {
  const history: Operation[] = [];
  return {
    history,
    sent(operation) {
      const sent = {
        saleId,
        ticketId: null,
        buyerId: null,
        key: null,
        lines: null,
        paymentRef: null,
        seconds: null,
        sentAt: now(),
        answeredAt: null,
        status: null,
        body: null,
        ...operation,
      };
      history.push(sent);
      return sent;
    },
  };
}

export function answered(operation: Operation, status: number, body: object): void {
  operation.answeredAt = now();
  operation.status = status;
  operation.body = body;
}

export function answeredTicket(operation: Operation, status: number, ticket: Ticket): void {
  operation.ticketId = ticket.id;
  answered(operation, status, ticketJson(ticket));
}

export function answeredSale(operation: Operation, sale: SaleView): void {
  answered(operation, 200, saleJson(sale));
}

export function refused(operation: Operation, refusal: Refusal): void {
  const { status, body } = refusalProblem(refusal, 'torture');
  answered(operation, status, JSON.parse(body ?? '{}') as object);
}

/** What a process answers when something that nobody expected was thrown. */
export function broke(operation: Operation): void {
  const { status, body } = problem('internal_error', 'torture');
  answered(operation, status, JSON.parse(body ?? '{}') as object);
}

export function now(): number {
  return performance.timeOrigin + performance.now();
}
