import { problem, refusalProblem } from '@holdfast/contracts';
import { type Challenger, type EdgeGate, saleIdPattern } from '@holdfast/core';
import { type Handle, json } from '../call.ts';

/** `GET /v1/sales/{saleId}/challenge`: a new one each time; 204 where the sale asks for none. */
export function issueChallenge(gate: EdgeGate, challenger: Challenger | null): Handle {
  return async (c, requestId) => {
    const saleId = c.req.param('saleId') ?? '';
    if (!saleIdPattern.test(saleId)) return problem('unknown_sale', requestId);
    const read = await gate.readSale(saleId);
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    const headers = { 'Cache-Control': 'no-store' };
    const { challenge } = read.sale;
    if (challenge === null) return { status: 204, headers, body: null };
    const issued = await challenger?.issue(saleId, challenge);
    return issued == null ? problem('gate_unavailable', requestId) : json(200, issued, headers);
  };
}
