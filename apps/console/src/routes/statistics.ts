import { statisticsRecord } from '@holdfast/contracts';
import { refuse } from '@holdfast/core';
import { type ConsoleContext, json, refused } from '../answers.ts';
import type { ConsoleParts } from '../parts.ts';
import type { Route } from '../routes.ts';
import { saleIdOf } from './sales.ts';

export function statisticsRoutes({ ledger }: ConsoleParts): Route[] {
  return [
    { method: 'GET', path: '/v1/sales/:saleId/stats', scope: 'read', handle: (c) => statistics(c, ledger) },
  ];
}

async function statistics(c: ConsoleContext, ledger: ConsoleParts['ledger']): Promise<Response> {
  const saleId = saleIdOf(c);
  const startedAt = performance.now();
  const sums = saleId === null ? null : await ledger.statistics(saleId);
  const queryTimeMs = Math.round((performance.now() - startedAt) * 100) / 100;
  return saleId === null || sums === null
    ? refused(c, refuse('unknown_sale'))
    : json(200, statisticsRecord(saleId, sums, queryTimeMs));
}
