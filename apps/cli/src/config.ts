import { join, resolve } from 'node:path';
import { readConfig, settings } from '@holdfast/runtime';
import { z } from 'zod';
import { projectFolder } from './project.ts';

/** Everything that a run leaves behind: stores, logs, the admin key. Absent: .holdfast/ in the project. */
const stateFolder = z
  .string()
  .default(join(projectFolder, '.holdfast'))
  .transform((folder) => resolve(folder));

/** What `holdfast up` reads from its environment; the README has them all. */
export const readUpConfig = (env?: Record<string, string | undefined>) =>
  readConfig(
    {
      /** Absent: 8080, or a free one when that is taken. */
      EDGE_PORT: settings.edgePort.removeDefault().optional(),
      /** Absent: 8081, or a free one when that is taken. */
      CONSOLE_PORT: settings.consolePort.removeDefault().optional(),
      HOST: settings.host,
      /** Absent: a private Postgres under .holdfast/. */
      DATABASE_URL: settings.databaseUrl.optional(),
      /** Absent: a private Redis under .holdfast/. */
      REDIS_URL: settings.redisUrl.optional(),
      /** Absent: one is made once and kept under .holdfast/. */
      ADMIN_KEY: settings.adminKey.optional(),
      /** Absent: one is made once and kept under .holdfast/. */
      CHALLENGE_SECRET: z.string().optional(),
      WORKERS: settings.count.min(1, 'must be at least 1').default(2),
      EDGES: settings.count.min(1, 'must be at least 1').default(1),
      BUYER_AUTH: settings.buyerAuth,
      SHARDS: settings.shards,
      REGION: settings.region,
      LOG_LEVEL: settings.logLevel,
      HOLDFAST_DIR: stateFolder,
    },
    env,
  );

export type UpConfig = ReturnType<typeof readUpConfig>;

/** For commands that touch the stores themselves. */
export const readStoreConfig = (env?: Record<string, string | undefined>) =>
  readConfig(
    {
      DATABASE_URL: settings.databaseUrl.optional(),
      REDIS_URL: settings.redisUrl.optional(),
      SHARDS: settings.shards,
      REGION: settings.region,
      HOLDFAST_DIR: stateFolder,
    },
    env,
  );

/** For commands that talk to a running console; absent, the one that `npm start` wrote down. */
export const readConsoleAccess = (env?: Record<string, string | undefined>) =>
  readConfig(
    { CONSOLE_URL: z.url().optional(), ADMIN_KEY: settings.adminKey.optional(), HOLDFAST_DIR: stateFolder },
    env,
  );

/** What an app is given: our surroundings, with some of it replaced and some of it kept from it. */
export function appEnvironment(
  replaced: Readonly<Record<string, string>>,
  withheld: readonly string[],
): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...replaced };
  for (const name of withheld) delete env[name];
  return env;
}
