import { createMetrics } from '@holdfast/runtime';
import { expect, it } from 'vitest';
import { createWebhookMetrics } from './webhook-metrics.ts';

it('an operator sees what came of every attempt, and each endpoint that was given up', async () => {
  const lines: string[] = [];
  const log = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (fields: object, message: string) => void lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    ]),
  ) as unknown as Parameters<typeof createWebhookMetrics>[1];
  const metrics = createMetrics();
  const webhooks = createWebhookMetrics(metrics, log);
  const report = { endpointId: 'e1', messageId: 'drop-1', statusCode: 200, durationMs: 40 };
  webhooks.attempted({ ...report, outcome: 'delivered', failures: 0 });
  webhooks.attempted({ ...report, statusCode: null, outcome: 'timeout', failures: 1 });
  webhooks.attempted({ ...report, statusCode: 410, outcome: 'gone', failures: 2, stopped: 'gone' });
  webhooks.standing({
    endpoints: { enabled: 2, paused: 0, disabled: 1, revoked: 0 },
    oldestUndeliveredSeconds: 61.5,
  });
  const text = await metrics.text();
  for (const line of [
    'holdfast_webhook_deliveries_total{outcome="delivered"} 1',
    'holdfast_webhook_deliveries_total{outcome="timeout"} 1',
    'holdfast_webhook_deliveries_total{outcome="gone"} 1',
    'holdfast_webhook_endpoints_disabled_total{reason="gone"} 1',
    'holdfast_webhook_endpoints{status="disabled"} 1',
    'holdfast_webhook_oldest_undelivered_seconds 61.5',
    'holdfast_webhook_delivery_seconds_count 3',
  ])
    expect(text).toContain(line);
  expect(lines.map((line) => line.split(' {')[0])).toEqual([
    'debug a webhook was delivered',
    'warn a webhook did not get through',
    'error a webhook endpoint was disabled',
  ]);
});
