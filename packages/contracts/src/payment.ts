import type { Payment } from '@holdfast/core';
import { z } from 'zod';
import { confirmBody } from './commands.ts';
import { ticketSchema } from './ticket.ts';

/** Longest event of a payment provider that is read. Theirs grow with what the merchant keeps at a payment. */
export const paymentEventLimitBytes = 256 * 1024;

const statuses: Record<Payment['status'], true> = {
  open: true,
  processing: true,
  succeeded: true,
  cancelled: true,
};

/** How a buyer pays: with the provider's own form and this secret, or at `payUrl`. */
export const paymentSchema = z.strictObject({
  provider: z.string(),
  clientSecret: z.string(),
  status: z.enum(Object.keys(statuses) as [Payment['status'], ...Payment['status'][]]),
  payUrl: z.string().nullable().meta({ description: 'Where to pay; null when your page shows the form' }),
});

/** The answer to a confirm that has to be paid first. */
export const payingTicketSchema = ticketSchema.extend({ payment: paymentSchema });

/** The body of confirm where a provider takes the money: what was paid is the provider's to say. */
export const confirmByPaymentBody = confirmBody.extend({
  paymentRef: z.undefined({ error: 'comes from the payment provider here; leave it out' }).optional(),
});
