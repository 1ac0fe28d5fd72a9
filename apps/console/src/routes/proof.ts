import { incidentRecord, journalEndLine, journalLine } from '@holdfast/contracts';
import { type LedgerSale, refuse } from '@holdfast/core';
import type { Ledger } from '@holdfast/ledger';
import { type ConsoleContext, json, refused, streamed } from '../answers.ts';
import { auditSale } from '../audit.ts';
import type { ConsoleParts } from '../parts.ts';
import type { Route } from '../routes.ts';
import { saleIdOf } from './sales.ts';

/** What proves a sale: its journal, and the laws held against it. */
export function proofRoutes(parts: ConsoleParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/sales/:saleId/journal',
      scope: 'read',
      handle: (c) => journal(c, parts.ledger),
    },
    { method: 'GET', path: '/v1/sales/:saleId/audit', scope: 'read', handle: (c) => audit(c, parts) },
  ];
}

async function journal(c: ConsoleContext, ledger: Ledger): Promise<Response> {
  const saleId = saleIdOf(c);
  const at = saleId === null ? null : await ledger.readSale(saleId);
  return at === null
    ? refused(c, refuse('unknown_sale'))
    : streamed(journalLines(ledger, at), 'application/x-ndjson');
}

/** As far as the journal reached when it was asked for, so that the export of an open sale ends. */
async function* journalLines(ledger: Ledger, { sale, cursor }: LedgerSale): AsyncGenerator<string> {
  for await (const rows of ledger.journalRows(sale.id, cursor.position)) {
    yield rows.map((row) => journalLine(sale.id, row)).join('');
  }
  yield journalEndLine(sale.id, cursor.position, cursor.head);
}

async function audit(c: ConsoleContext, { ledger, gate }: ConsoleParts): Promise<Response> {
  const saleId = saleIdOf(c);
  const verdict = saleId === null ? null : await auditSale(ledger, gate, saleId);
  if (verdict === null) return refused(c, refuse('unknown_sale'));
  return json(200, { ...verdict, incidents: verdict.incidents.map(incidentRecord) });
}
