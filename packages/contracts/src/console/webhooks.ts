import {
  saleIdPattern,
  type WebhookOutcome,
  type WebhookStatus,
  type WebhookStopReason,
} from '@holdfast/core';
import { z } from 'zod';
import { isoTime, isoTimeOrNull, plainText } from '../text.ts';
import { webhookTypes } from '../webhook-message.ts';
import { pageQuery } from './page.ts';

const url = plainText(2_000).refine(isReceiverAddress, {
  error:
    'must be an https address (http within a network that the workers may call), without user and fragment',
});

const types = z
  .array(z.enum(webhookTypes, { error: 'must be a type of event that is told' }))
  .min(1)
  .max(webhookTypes.length)
  .refine((all) => new Set(all).size === all.length, { error: 'names a type twice' });

/** The body of `POST /v1/webhooks`. Without `types` every type, without `saleId` every sale. */
export const newWebhookBody = z.strictObject({
  url,
  name: plainText(128).optional(),
  types: types.nullish(),
  saleId: z.string().regex(saleIdPattern, { error: 'must be the id of a sale' }).nullish(),
});

/** The body of `PATCH /v1/webhooks/{id}`: at least one field. The sale stays what it is. */
export const webhookChangeBody = z
  .strictObject({
    url: url.optional(),
    name: plainText(128).optional(),
    types: types.nullable().optional(),
    status: z.enum(['enabled', 'paused'], { error: 'must be enabled or paused' }).optional(),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must change something' });

/** The query of `GET /v1/webhooks/{id}/deliveries`. */
export const deliveriesQuery = pageQuery.extend({
  status: z
    .enum(['queued', 'failing', 'delivered', 'failed'], { error: 'must be a status of a delivery' })
    .optional(),
});

/** An endpoint as the ledger has it. Times are epoch milliseconds. */
export interface WebhookView {
  id: string;
  name: string;
  url: string;
  types: readonly string[] | null;
  saleId: string | null;
  status: WebhookStatus;
  reason: WebhookStopReason | null;
  createdAt: number;
  changedAt: number;
  failingSince: number | null;
}

/** Never with its secret, which is shown where it is made. */
export function webhookRecord(view: WebhookView) {
  const { id, name, url: address, types: asked, saleId, status, reason, createdAt, changedAt } = view;
  return {
    id,
    name,
    url: address,
    /** Null is every type. */
    types: asked,
    saleId,
    status,
    /** Why it is disabled: `gone` (it answered 410) or `failing` (nothing got through for three days). */
    reason,
    createdAt: isoTime(createdAt),
    changedAt: isoTime(changedAt),
    failingSince: isoTimeOrNull(view.failingSince),
  };
}

/** One line of the delivery log. Times are epoch milliseconds. */
export interface DeliveryView {
  id: string;
  type: string;
  saleId: string | null;
  position: number | null;
  status: string;
  attempts: number;
  statusCode: number | null;
  outcome: WebhookOutcome | null;
  createdAt: number;
  triedAt: number | null;
  dueAt: number | null;
}

export function deliveryRecord(view: DeliveryView) {
  const { id, type, saleId, position, status, attempts, statusCode, outcome } = view;
  return {
    /** The message's `webhook-id`. */
    id,
    type,
    saleId,
    position,
    status,
    attempts,
    lastStatusCode: statusCode,
    /** What was wrong with the last attempt. */
    error: outcome === 'delivered' ? null : outcome,
    createdAt: isoTime(view.createdAt),
    lastAttemptAt: isoTimeOrNull(view.triedAt),
    nextAttemptAt: isoTimeOrNull(view.dueAt),
  };
}

/** What it leads to is judged when it is called: a name may lead elsewhere by then. */
function isReceiverAddress(text: string): boolean {
  const parsed = URL.parse(text);
  if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) return false;
  return parsed.username === '' && parsed.password === '' && parsed.hash === '' && parsed.hostname !== '';
}
