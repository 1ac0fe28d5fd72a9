import { problem, refusalProblem, ticketJson } from '@holdfast/contracts';
import { type EdgeGate, saleIdPattern } from '@holdfast/core';
import type { BuyerTokens } from '../buyer-tokens.ts';
import { type Handle, json } from '../call.ts';

/** `GET /v1/sales/{saleId}/tickets`: all tickets of the buyer of the token, the newest first. */
export function listTickets(gate: EdgeGate, tokens: BuyerTokens): Handle {
  return async (c, requestId) => {
    const token = await tokens.read(c, requestId);
    if (token.kind === 'answer') return token.answer;
    const saleId = c.req.param('saleId') ?? '';
    if (!saleIdPattern.test(saleId)) return problem('unknown_sale', requestId);
    const read = await gate.ticketsOf(saleId, token.buyerId);
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    return json(200, { tickets: read.tickets.map(ticketJson) }, { 'Cache-Control': 'private, no-store' });
  };
}
