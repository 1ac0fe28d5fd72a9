import { z } from 'zod';
import { maxUnits } from './sale-body.ts';

/** The body of `POST /v1/sales/{id}/items/{sku}/stock`: above zero restocks, below zero withdraws. */
export const stockBody = z.strictObject({
  delta: z
    .int()
    .min(-maxUnits)
    .max(maxUnits)
    .refine((delta) => delta !== 0, { error: 'must not be zero' }),
});
