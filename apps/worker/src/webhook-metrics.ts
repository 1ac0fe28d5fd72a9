import type { WebhookStanding } from '@holdfast/core';
import type { WebhookReport } from '@holdfast/pipeline';
import type { Logger, Metrics } from '@holdfast/runtime';

/** What an operator watches of outgoing webhooks. */
export function createWebhookMetrics(metrics: Metrics, log: Logger) {
  const deliveries = metrics.counter(
    'webhook_deliveries_total',
    'Attempts to deliver a webhook, by what came of them',
    ['outcome'],
  );
  const seconds = metrics.histogram(
    'webhook_delivery_seconds',
    'Time of one attempt',
    [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );
  const stopped = metrics.counter('webhook_endpoints_disabled_total', 'Endpoints that were disabled', [
    'reason',
  ]);
  const endpoints = metrics.gauge('webhook_endpoints', 'Endpoints by status, in the whole deployment', [
    'status',
  ]);
  const oldest = metrics.gauge(
    'webhook_oldest_undelivered_seconds',
    'Age of the oldest event that an enabled endpoint has not got, in the whole deployment',
  );
  return {
    attempted({
      endpointId,
      messageId,
      outcome,
      statusCode,
      failures,
      stopped: reason,
      durationMs,
    }: WebhookReport): void {
      deliveries.inc({ outcome });
      seconds.observe(durationMs / 1_000);
      if (reason !== undefined) stopped.inc({ reason });
      const fields = { endpointId, messageId, outcome, statusCode, failures };
      if (reason !== undefined) log.error({ ...fields, reason }, 'a webhook endpoint was disabled');
      else if (failures > 0) log.warn(fields, 'a webhook did not get through');
      else log.debug(fields, 'a webhook was delivered');
    },
    standing({ endpoints: counts, oldestUndeliveredSeconds }: WebhookStanding): void {
      for (const [status, count] of Object.entries(counts)) endpoints.set({ status }, count);
      oldest.set(oldestUndeliveredSeconds);
    },
  };
}
