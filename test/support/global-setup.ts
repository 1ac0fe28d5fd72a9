import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '@holdfast/ledger';
import { redisBinary, removePostgres, startPostgres, temporaryFolder } from '@holdfast/runtime/local-stores';
import pg from 'pg';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The run's Postgres; `template` is a migrated database to copy. */
    postgresUrl: string;
    template: string;
  }
}

const template = 'holdfast_template';

/** One private Postgres for the whole run, with a migrated database that every test copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = temporaryFolder('run');
  const dir = join(folder, 'postgres');
  // Once, before the files that run side by side would each try to install it.
  await redisBinary((line) => console.log(line));
  execFileSync(process.execPath, ['infra/build-pages.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const postgres = await startPostgres({ dir, settings: { max_connections: '300' } });
  const client = new pg.Client(postgres.url);
  await client.connect();
  await client.query(`create database ${template}`);
  await client.end();
  const url = new URL(postgres.url);
  url.pathname = template;
  await migrate(url.href);
  project.provide('postgresUrl', postgres.url);
  project.provide('template', template);
  return async () => {
    await postgres.stop();
    removePostgres(dir);
    rmSync(folder, { recursive: true, force: true });
  };
}
