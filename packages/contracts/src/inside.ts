import { z } from 'zod';

const count = z.int().min(0);

/** What one edge and the gate have done, in sums: for the page that shows the inside, and open to everybody. */
export const insideSchema = z.strictObject({
  admitted: count.meta({
    description: 'Reservations that the gate admitted, through this edge since it started',
  }),
  batches: count.meta({ description: 'Steps at the gate that carried them' }),
  refused: z.record(z.string(), count).meta({ description: 'Refusals of this edge by code' }),
  streams: z
    .strictObject({ ticket: count, sale: count })
    .meta({ description: 'Open event streams of this edge' }),
  waiting: count.meta({ description: 'Entries of the intake that the ledger has not decided yet' }),
  sales: count,
  available: count.meta({ description: 'Units that a newcomer could have, in all sales' }),
  stock: count,
  events: count.meta({ description: 'Events that the ledger has written into its journals' }),
  peers: z.array(z.string()).meta({ description: 'Other edges that a page of this one may talk to' }),
  serverTime: z.iso.datetime(),
});

export type InsideJson = z.infer<typeof insideSchema>;
