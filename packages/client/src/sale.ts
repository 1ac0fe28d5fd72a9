export type SaleStatus =
  | 'draft'
  | 'scheduled'
  | 'lobby'
  | 'open'
  | 'paused'
  | 'closed'
  | 'settled'
  | 'cancelled';

export interface SaleItem {
  sku: string;
  name: string;
  description: string | null;
  imageUrl: string | null;
  /** In minor units of the sale's currency. */
  priceMinor: number;
  /** Units that a newcomer could have now. */
  available: number;
  stock: number;
}

/** How the order of a lobby is drawn: `commitment` is published first, the rest when it was drawn. */
export interface Draw {
  commitment: string;
  beacon: string | null;
  seed: string | null;
  members: number | null;
  listHash: string | null;
}

/** A sale as everybody sees it. Times are ISO 8601 in UTC. */
export interface Sale {
  id: string;
  name: string;
  status: SaleStatus;
  opensAt: string | null;
  closesAt: string | null;
  holdSeconds: number;
  perBuyerLimit: number | null;
  currency: string;
  waitlist: boolean;
  soldOut: boolean;
  items: SaleItem[];
  draw: Draw | null;
  /** The journal's end as settled: note it down, and an export can be held against it. */
  journal: { count: number; head: string };
  /** The gate's clock, which judges every deadline: show countdowns by it and not by the device's. */
  serverTime: string;
}
