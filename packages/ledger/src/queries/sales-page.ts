import type { LedgerSale } from '@holdfast/core';
import { readSale } from '../read-sale.ts';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

/** Where a page of sales ends: the next one starts behind it. */
export interface SalesCursor {
  createdAt: number;
  id: string;
}

const pageStatement: Statement = {
  name: 'sales-page',
  text: `
    select id from sales
     where $1::float8 is null or (created_at, id) < (to_timestamp($1::float8 / 1000.0), $2::text)
     order by created_at desc, id desc limit $3`,
};

/** Sales, the newest first, each as it stands at one instant. */
export async function salesPage(
  db: Queryable,
  region: string,
  after: SalesCursor | null,
  limit: number,
): Promise<LedgerSale[]> {
  const ids = await rowsOf<{ id: string }>(db, pageStatement, [
    after?.createdAt ?? null,
    after?.id ?? null,
    limit,
  ]);
  const sales: LedgerSale[] = [];
  for (const { id } of ids) {
    const sale = await readSale(db, id, region);
    if (sale !== null) sales.push(sale);
  }
  return sales;
}
