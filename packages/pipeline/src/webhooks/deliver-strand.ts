import {
  outcomeOf,
  retryDelayMs,
  type TakenStrand,
  type WebhookAnswer,
  type WebhookStrand,
} from '@holdfast/core';
import { leaseMsOf, type WebhookParts } from './parts.ts';

/** Events read at a time. */
const batchSize = 100;
/** How long one job stays on a strand before it makes room for others, milliseconds. */
const turnMs = 10_000;

/**
 * Delivers what one endpoint has not got of one sale, in order, one message after the other, until nothing is left, one
 * does not get through, or its turn is over. A message is sent before the cursor moves: who dies in between has it sent
 * again, with the same id. `stopping` is aborted when the process stops: what is cut off then is nobody's failure.
 */
export async function deliverStrand(
  parts: WebhookParts,
  wanted: WebhookStrand,
  stopping: AbortSignal,
): Promise<void> {
  const { ledger, sender, messages } = parts;
  const leaseMs = leaseMsOf(parts);
  const turnEndsAt = performance.now() + turnMs;
  let leasedUntil = performance.now() + leaseMs;
  const strand = await ledger.takeStrand(wanted, crypto.randomUUID(), leaseMs);
  if (strand === null) return;
  const kinds = messages.kindsOf(strand.types);
  const mayGoOn = () => !stopping.aborted && performance.now() < turnEndsAt;

  let { position, target, attempts, failingForMs } = strand;
  while (position < strand.upTo) {
    const events = await ledger.events(strand.saleId, position, strand.upTo, kinds, batchSize);
    for (const event of events) {
      // A lease that might end during the attempt is no lease: two would deliver at a time.
      const isLeased = performance.now() + sender.withinMs < leasedUntil;
      if (!mayGoOn() || !isLeased) return ledger.release(strand, position);
      const message = messages.ofEvent(event);
      const startedAt = performance.now();
      const answer = await sender.send(target, message);
      if (stopping.aborted && answer.kind === 'unanswered') return ledger.release(strand, position);
      const attempt = {
        messageId: message.id,
        type: message.type,
        position: event.position,
        ...factsOf(answer),
      };
      const report = { endpointId: strand.endpointId, ...attempt, durationMs: performance.now() - startedAt };
      if (attempt.outcome !== 'delivered') {
        const next = nextOf(parts, { attempts, failingForMs }, attempt.outcome, answer);
        const isStop = next.kind === 'stop';
        parts.onAttempt?.({ ...report, failures: attempts + 1, ...(isStop && { stopped: next.reason }) });
        await ledger.failed(strand, attempt, next);
        return;
      }
      parts.onAttempt?.({ ...report, failures: 0 });
      leasedUntil = performance.now() + leaseMs;
      const renewed = await ledger.delivered(strand, attempt, leaseMs, attempts > 0);
      position = event.position;
      if (renewed === null) return ledger.release(strand, position);
      target = renewed;
      attempts = 0;
      failingForMs = 0;
    }
    if (events.length < batchSize) position = strand.upTo;
  }
  await ledger.release(strand, position);
}

export function factsOf(answer: WebhookAnswer) {
  return { outcome: outcomeOf(answer), statusCode: answer.kind === 'answered' ? answer.status : null };
}

function nextOf(
  { jitter = Math.random, retryDelayMs: delayMs = retryDelayMs }: WebhookParts,
  { attempts, failingForMs }: Pick<TakenStrand, 'attempts' | 'failingForMs'>,
  outcome: string,
  answer: WebhookAnswer,
) {
  if (outcome === 'gone') return { kind: 'stop', reason: 'gone' } as const;
  const askedMs = answer.kind === 'answered' ? answer.retryAfterMs : undefined;
  const inMs = delayMs(attempts + 1, failingForMs, jitter(), askedMs);
  return inMs === null ? ({ kind: 'stop', reason: 'failing' } as const) : ({ kind: 'retry', inMs } as const);
}
