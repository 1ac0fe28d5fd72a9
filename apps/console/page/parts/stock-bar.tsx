import { count, percent } from '../numbers.ts';

export interface StockShares {
  stock: number;
  sold: number;
  held: number;
  available: number;
}

/** Sold, on hold and left, as shares of what there is. */
export function StockBar({ stock, sold, held, available }: StockShares) {
  const share = (units: number) => (stock === 0 ? 0 : (units / stock) * 100);
  const label = `${count(sold)} of ${count(stock)} sold, ${count(held)} on hold, ${count(available)} available`;
  return (
    <div className="stock-bar" role="img" aria-label={label}>
      <span className="sold" style={{ inlineSize: `${share(sold)}%` }} />
      <span className="held" style={{ inlineSize: `${share(held)}%` }} />
    </div>
  );
}

export function soldShare({ stock, sold }: StockShares): string {
  return percent(stock === 0 ? null : sold / stock);
}
