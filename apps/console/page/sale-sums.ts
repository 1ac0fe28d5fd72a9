import type { StockShares } from './parts/stock-bar.tsx';
import type { SaleRecord } from './records.ts';

/** A sale's items summed up. */
export function sharesOf(items: SaleRecord['items']): StockShares {
  const shares = { stock: 0, sold: 0, held: 0, available: 0 };
  for (const item of items) {
    shares.stock += item.stock;
    shares.sold += item.confirmed;
    shares.held += item.held;
    shares.available += item.available;
  }
  return shares;
}
