import { parseTicketId, type EdgeGate } from '@holdfast/core';
import { problem, refusalProblem } from '@holdfast/contracts';
import type { BuyerTokens } from '../buyer-tokens.ts';
import { type Handle, headerOf } from '../call.ts';
import { receiptHeader } from './ticket.ts';

/** A call about a ticket, for the buyer whose it is: anybody else is told what is told of a ticket that there is not. */
export function forItsOwner(gate: EdgeGate, tokens: BuyerTokens, handle: Handle): Handle {
  return async (c, requestId) => {
    const token = await tokens.read(c, requestId);
    if (token.kind === 'answer') return token.answer;
    const ticketId = c.req.param('ticketId') ?? '';
    if (parseTicketId(ticketId) === null) return problem('unknown_ticket', requestId);
    const read = await gate.readTicket(ticketId, headerOf(c, receiptHeader));
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    if (read.ticket.buyerId !== token.buyerId) return problem('unknown_ticket', requestId);
    return handle(c, requestId);
  };
}
