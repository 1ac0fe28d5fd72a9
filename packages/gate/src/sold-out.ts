/**
 * What one edge remembers of being sold out: per item the smallest quantity that the gate refused. Requests for at
 * least as many are refused without the trip to Redis, until the ceiling moves (which is published) or a second has
 * passed.
 */
export interface SoldOut {
  /** The line that cannot be had, or null when the gate must be asked. */
  refuses(saleId: string, lines: readonly { sku: string; quantity: number }[]): string | null;
  remember(saleId: string, sku: string, quantity: number): void;
  forget(saleId: string): void;
}

const rememberForMs = 1_000;

export function createSoldOut(): SoldOut {
  const sales = new Map<string, Map<string, { quantity: number; until: number }>>();
  return {
    refuses(saleId, lines) {
      const items = sales.get(saleId);
      if (items === undefined) return null;
      for (const { sku, quantity } of lines) {
        const known = items.get(sku);
        if (known !== undefined && quantity >= known.quantity && performance.now() < known.until) return sku;
      }
      return null;
    },
    remember(saleId, sku, quantity) {
      let items = sales.get(saleId);
      if (items === undefined) {
        items = new Map();
        sales.set(saleId, items);
      }
      const now = performance.now();
      const known = items.get(sku);
      // That many were refused says nothing new about those who want fewer, and must not make them wait longer.
      if (known !== undefined && now < known.until && quantity > known.quantity) return;
      items.set(sku, { quantity, until: now + rememberForMs });
    },
    forget: (saleId) => void sales.delete(saleId),
  };
}
