import { readConfig, settings } from '@holdfast/runtime';
import { parseAddressRange } from '@holdfast/webhooks';

/** What a worker reads from its environment; the README has them all. */
export const readWorkerConfig = (env?: Record<string, string | undefined>) =>
  readConfig(
    {
      DATABASE_URL: settings.databaseUrl,
      REDIS_URL: settings.redisUrl,
      HOST: settings.host,
      /** Where the worker answers /healthz, /readyz and /metrics; 0 takes any free port. */
      WORKER_PORT: settings.count.default(0),
      SHARDS: settings.shards,
      REGION: settings.region,
      LOG_LEVEL: settings.logLevel,
      /** Sales that this process commits at a time. */
      COMMIT_CONCURRENCY: settings.count.default(8),
      /** How often a run begins again after a conflict before it leaves the sale to the next bell or sweep. */
      COMMIT_RETRIES: settings.count.default(8),
      /** How long a final ticket stays readable, seconds. */
      TICKET_RETENTION_SECONDS: settings.count.default(7 * 86_400),
      /** Addresses and ranges that webhooks may call although they are not the internet's, without TLS too. */
      WEBHOOK_PRIVATE_RANGES: settings.list
        .transform((ranges) => ranges.map(parseAddressRange))
        .refine((ranges) => !ranges.includes(null), 'must be addresses or ranges like 10.0.0.0/8')
        .transform((ranges) => ranges.filter((range) => range !== null))
        .default([]),
    },
    env,
  );
