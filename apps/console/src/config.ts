import { readConfig, settings } from '@holdfast/runtime';

/** What the console reads from its environment; the README has them all. */
export const readConsoleConfig = (env?: Record<string, string | undefined>) =>
  readConfig(
    {
      CONSOLE_PORT: settings.consolePort,
      HOST: settings.host,
      DATABASE_URL: settings.databaseUrl,
      REDIS_URL: settings.redisUrl,
      ADMIN_KEY: settings.adminKey,
      SHARDS: settings.shards,
      REGION: settings.region,
      LOG_LEVEL: settings.logLevel,
      /** How long a final ticket stays readable, seconds; a settlement by the console keeps it as long as one by a worker. */
      TICKET_RETENTION_SECONDS: settings.count.default(7 * 86_400),
      /** Calls that took longer are logged. */
      SLOW_REQUEST_MS: settings.count.default(1_000),
    },
    env,
  );
