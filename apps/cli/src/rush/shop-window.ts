import type { Row } from './merchant.ts';

export interface SaleSeen {
  id: string;
  holdSeconds: number;
  perBuyerLimit?: number | null;
  items: { sku: string; stock: number; available: number }[];
}

/** What anybody can read from whichever edge answers. Throws when none does. */
export function createShopWindow(edges: readonly URL[]) {
  return {
    async sale(saleId: string): Promise<SaleSeen> {
      const sale = (await get(`/v1/sales/${encodeURIComponent(saleId)}`)) as unknown as SaleSeen | undefined;
      if (!Array.isArray(sale?.items)) throw new Error(`the edges have no sale ${saleId}`);
      return sale;
    },

    /** The ticket, as a row; undefined when the edge does not know it. */
    async ticket(ticketId: string): Promise<Row | undefined> {
      const ticket = await get(`/v1/tickets/${encodeURIComponent(ticketId)}`);
      if (ticket === undefined) return undefined;
      const { buyerId, status, seq, receipt, lines } = ticket;
      const epoch = Number.parseInt(String(receipt), 10);
      return {
        ticketId,
        buyerId: String(buyerId),
        status: String(status),
        seq: Number(seq),
        epoch,
        lines: lines as Row['lines'],
      };
    },
  };

  async function get(path: string): Promise<Record<string, unknown> | undefined> {
    let cause: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        const response = await fetch(new URL(path, edges[attempt % edges.length]), {
          signal: AbortSignal.timeout(CALL_MAX_MS),
        });
        const answer: unknown = await response.json();
        if (response.ok) return answer as Record<string, unknown>;
        if (response.status === 404) return undefined;
        cause = new Error(`answered ${response.status}`);
      } catch (fault) {
        cause = fault;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (attempt + 1)));
    }
    throw new Error(`no edge answered GET ${path}`, { cause });
  }
}

export type ShopWindow = ReturnType<typeof createShopWindow>;

const ATTEMPTS = 10;
const PAUSE_MS = 300;
const CALL_MAX_MS = 10_000;
