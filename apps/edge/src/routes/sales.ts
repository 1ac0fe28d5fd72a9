import { type Answer, eventFrame, eventNames, problem, refusalProblem, saleJson } from '@holdfast/contracts';
import { type EdgeGate, saleIdPattern } from '@holdfast/core';
import { type Handle, json } from '../call.ts';
import { type Doors, tooManyStreams } from '../doors.ts';
import type { SaleFeeds } from '../sale-feeds.ts';
import type { Streams } from '../streams.ts';

/** Shared caches in front may keep a sale this long; the edge itself keeps none, so that a console's answer is effective. */
const cacheable = 'public, max-age=1';

/** `GET /v1/sales` */
export function listSales(gate: EdgeGate): Handle {
  return async (_c, requestId) => {
    const read = await gate.listSales();
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    return json(200, { sales: read.sales.map(saleJson) }, { 'Cache-Control': cacheable });
  };
}

/** `GET /v1/sales/{saleId}` */
export function readSale(gate: EdgeGate): Handle {
  return async (c, requestId) => {
    const saleId = c.req.param('saleId') ?? '';
    if (!saleIdPattern.test(saleId)) return problem('unknown_sale', requestId);
    const read = await gate.readSale(saleId);
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    return json(200, saleJson(read.sale), { 'Cache-Control': cacheable });
  };
}

/** `GET /v1/sales/{saleId}/events`: the whole sale first, then whenever something of it changed, at most 4 times a second. */
export function followSale(gate: EdgeGate, feeds: SaleFeeds, streams: Streams, doors: Doors): Handle {
  return async (c, requestId) => {
    const saleId = c.req.param('saleId') ?? '';
    if (!saleIdPattern.test(saleId)) return problem('unknown_sale', requestId);
    const read = await gate.readSale(saleId);
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    const outgoing = c.env?.outgoing;
    const answer: Answer = { status: 200, headers: {}, body: null };
    if (c.req.method === 'HEAD' || outgoing === undefined) return answer;

    const place = doors.streamPlace(c, null);
    if (place === null) return tooManyStreams(requestId);
    const begin = () => {
      const stream = streams.open('sale', outgoing as never, answer.headers, place, () => leave());
      stream.send(eventFrame(eventNames.sale, read.sale.now, JSON.stringify(saleJson(read.sale))));
      const leave = feeds.join(saleId, stream, read.sale);
    };
    return { ...answer, begin };
  };
}
