import type { Draw, SaleView } from '@holdfast/core';
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
  challenge: z
    .strictObject({ kind: z.literal('proof_of_work'), difficulty: z.int().min(1) })
    .nullable()
    .meta({ description: 'What a newcomer solves first: GET /v1/sales/{saleId}/challenge' }),
  draw: z
    .strictObject({
      commitment: z
        .string()
        .meta({ description: 'SHA-256 of the 32 bytes of the seed, published with the lobby' }),
      beacon: z.string().nullable(),
      seed: z.string().nullable().meta({ description: 'Null, like the next two, before the draw' }),
      members: z.int().min(0).nullable(),
      listHash: z.string().nullable().meta({
        description: "SHA-256 of the members' ticket ids in the order of joining, a line feed between them",
      }),
    })
    .nullable()
    .meta({ description: 'How the order of the lobby is drawn; null for a sale without one' }),
  journal: z.strictObject({ count: z.int().min(0), head: z.string() }).meta({
    description: "The journal's end as settled: note it down, and an export can be held against it",
  }),
  serverTime: z.iso.datetime(),
});

export type SaleJson = z.infer<typeof saleSchema>;

export function drawJson(draw: Draw | null): SaleJson['draw'] {
  if (draw === null) return null;
  const { commitment, beacon, result } = draw;
  const { seed = null, members = null, listHash = null } = result ?? {};
  return { commitment, beacon, seed, members, listHash };
}

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
    challenge: sale.challenge,
    draw: drawJson(sale.draw),
    journal: sale.journal,
    serverTime: isoTime(sale.now),
  };
}
