import { expect } from 'vitest';
import type { House } from './house.ts';
import { atRest } from './sales.ts';

/**
 * The law of conservation, with which every disaster ends: counted in rows, compared with the ledger's counters and with
 * the gate's, once the sale has come to rest. Answers with the units in rows per sku and status.
 */
export async function expectConservation(
  house: Pick<House, 'ledger' | 'gate' | 'rows'>,
  saleId: string,
): Promise<Record<string, Record<string, number>>> {
  await atRest(house, saleId, 20_000);
  const units = await house.rows<{ sku: string; status: string; units: string }>(
    `select l.sku, r.status, sum(l.quantity) as units from reservations r join reservation_lines l using (ticket_id)
      where r.sale_id = $1 group by l.sku, r.status`,
    [saleId],
  );
  const journal = await house.rows<{ count: string; last: string }>(
    'select count(*) as count, max(position) as last from events where sale_id = $1',
    [saleId],
  );
  const bySku: Record<string, Record<string, number>> = {};
  for (const { sku, status, units: count } of units) {
    bySku[sku] ??= {};
    bySku[sku][status] = Number(count);
  }
  const at = await house.ledger.readSale(saleId);
  const gate = await house.gate.counts(saleId, at?.cursor.committedSeq ?? 0);
  expect(at, 'the sale is in the ledger').not.toBeNull();
  expect(gate, 'the sale is at the gate').not.toBeNull();
  for (const [sku, { stock, taken, returned }] of at?.items ?? []) {
    const inUse = (bySku[sku]?.['held'] ?? 0) + (bySku[sku]?.['confirmed'] ?? 0);
    const item = gate?.items.find((one) => one.sku === sku);
    expect(inUse, `${sku}: never oversold`).toBeLessThanOrEqual(stock);
    expect(taken - returned, `${sku}: counters equal rows`).toBe(inUse);
    expect(item?.ceiling, `${sku}: ceiling`).toBe(stock + returned);
    expect(item?.admitted, `${sku}: what the gate gave is what the ledger took`).toBe(
      taken + (item?.inIntake ?? 0),
    );
  }
  expect(Number(journal[0]?.count), 'the journal has no gap').toBe(Number(journal[0]?.last));
  return bySku;
}
