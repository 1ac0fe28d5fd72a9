import { factsOf } from './deliver-strand.ts';
import { leaseMsOf, type WebhookParts } from './parts.ts';

/** A test or a re-send: one attempt, whatever state the endpoint is in, and outside of the order. */
export async function deliverExtra(
  parts: WebhookParts,
  wanted: { endpointId: string; messageId: string },
  stopping: AbortSignal,
): Promise<void> {
  const { ledger, sender, messages } = parts;
  const extra = await ledger.takeExtra(wanted, crypto.randomUUID(), leaseMsOf(parts));
  if (extra === null) return;
  const { endpointId, messageId, target, event, createdAt } = extra;
  const message =
    event === null ? messages.ofTest(messageId, endpointId, createdAt) : messages.ofEvent(event);
  const startedAt = performance.now();
  const answer = await sender.send(target, message);
  // Its lease runs out, and it is sent by another.
  if (stopping.aborted && answer.kind === 'unanswered') return;
  const { outcome, statusCode } = factsOf(answer);
  const failures = outcome === 'delivered' ? 0 : 1;
  const durationMs = performance.now() - startedAt;
  parts.onAttempt?.({ endpointId, messageId, outcome, statusCode, failures, durationMs });
  await ledger.recordExtra(extra, outcome, statusCode);
}
