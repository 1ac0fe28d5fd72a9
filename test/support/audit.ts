import { expect } from 'vitest';
import { auditSale } from '../../apps/console/src/audit.ts';
import type { House } from './house.ts';

/** Every law of a sale, held against journal, rows and gate. */
export async function expectLawful(house: Pick<House, 'ledger' | 'gate'>, saleId: string): Promise<void> {
  const audit = await auditSale(house.ledger, house.gate, saleId);
  expect(audit?.checks.filter(({ ok }) => !ok)).toEqual([]);
}
