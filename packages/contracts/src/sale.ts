import type { SaleView } from '@holdfast/core';
import { z } from 'zod';
import { isoTime, isoTimeOrNull } from './text.ts';

/** A sale as buyers get it. */
export const saleSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  status: z.enum(['draft', 'scheduled', 'lobby', 'open', 'paused', 'closed', 'settled', 'cancelled']),
  opensAt: z.iso.datetime().nullable(),
  closesAt: z.iso.datetime().nullable(),
  holdSeconds: z.int().min(1),
  perBuyerLimit: z.int().min(1).nullable(),
  currency: z.string(),
  waitlist: z.boolean(),
  soldOut: z.boolean(),
  items: z.array(
    z.strictObject({
      sku: z.string(),
      name: z.string(),
      description: z.string().nullable(),
      imageUrl: z.string().nullable(),
      priceMinor: z.int().min(0),
      available: z.int().min(0),
      stock: z.int().min(0),
    }),
  ),
  serverTime: z.iso.datetime(),
});

export type SaleJson = z.infer<typeof saleSchema>;

export function saleJson(sale: SaleView): SaleJson {
  return {
    id: sale.id,
    name: sale.name,
    status: sale.status,
    opensAt: isoTimeOrNull(sale.opensAt),
    closesAt: isoTimeOrNull(sale.closesAt),
    holdSeconds: sale.holdSeconds,
    perBuyerLimit: sale.perBuyerLimit,
    currency: sale.currency,
    waitlist: sale.waitlist,
    soldOut: sale.soldOut,
    items: sale.items.map(({ sku, name, description, imageUrl, priceMinor, available, stock }) => ({
      sku,
      name,
      description,
      imageUrl,
      priceMinor,
      available,
      stock,
    })),
    serverTime: isoTime(sale.now),
  };
}
