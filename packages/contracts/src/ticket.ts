import {
  isSettledForBuyer,
  refusalCodes,
  type RefusalCode,
  type Ticket,
  type TicketStatus,
  totalMinor,
} from '@holdfast/core';
import { z } from 'zod';
import { isoTime, isoTimeOrNull } from './text.ts';

/** In the order of the contract. The record makes a new status a type error here. */
const statuses: Record<TicketStatus, true> = {
  lobby: true,
  queued: true,
  waitlisted: true,
  held: true,
  confirmed: true,
  cancelled: true,
  expired: true,
  rejected: true,
  returned: true,
  refund_due: true,
  refunded: true,
};

export const ticketStatuses = Object.keys(statuses) as [TicketStatus, ...TicketStatus[]];

/** A ticket as buyers get it: by polling, in a stream and as the answer to what they ask. */
export const ticketSchema = z.strictObject({
  id: z.string(),
  saleId: z.string(),
  status: z.enum(ticketStatuses),
  version: z.int().min(1),
  seq: z.int().min(0),
  ahead: z.int().min(0).meta({ description: 'Undecided reservations before this one' }),
  buyerId: z.string(),
  lines: z.array(
    z.strictObject({ sku: z.string(), quantity: z.int().min(1), unitPriceMinor: z.int().min(0) }),
  ),
  totalMinor: z.int().min(0),
  currency: z.string(),
  reservedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  extensions: z
    .strictObject({ left: z.int().min(0), seconds: z.int().min(0) })
    .nullable()
    .meta({ description: 'How often a hold may still be extended, and by how much in all; else null' }),
  reason: z.enum(refusalCodes).nullable(),
  receipt: z.string().meta({ description: 'The place in line, checkable after the sale' }),
});

export type TicketJson = z.infer<typeof ticketSchema>;

export function ticketJson(ticket: Ticket): TicketJson {
  return {
    id: ticket.id,
    saleId: ticket.saleId,
    status: ticket.status,
    version: ticket.version,
    seq: ticket.seq,
    ahead: ticket.ahead,
    buyerId: ticket.buyerId,
    lines: ticket.lines,
    totalMinor: totalMinor(ticket.lines),
    currency: ticket.currency,
    reservedAt: isoTime(ticket.reservedAt),
    expiresAt: isoTimeOrNull(ticket.expiresAt),
    extensions: ticket.extensions,
    reason: ticket.reason satisfies RefusalCode | null,
    receipt: ticket.receipt,
  };
}

/**
 * Changes whenever the JSON does: `ahead` counts down under the same version, a rebuilt gate begins a new epoch, and the
 * merchant may allow more extensions or fewer.
 */
export function ticketETag({ version, ahead, receipt, extensions }: Ticket): string {
  const place = `${version}-${ahead}-${receipt.slice(0, receipt.indexOf('.'))}`;
  return extensions === null ? `"${place}"` : `"${place}-${extensions.left}-${extensions.seconds}"`;
}

/** Seconds until the next poll makes sense; null once the ticket will not change by itself. */
export function pollAfterSeconds(status: TicketStatus): number | null {
  if (isSettledForBuyer(status)) return null;
  return status === 'queued' ? 1 : 5;
}
