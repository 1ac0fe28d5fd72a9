import { join } from 'node:path';
import { migrate } from '@holdfast/ledger';
import { configOrExit } from '@holdfast/runtime';
import { startPostgres } from '@holdfast/runtime/local-stores';
import { readStoreConfig } from './config.ts';
import { claimFolder } from './running.ts';

/** Brings the schema up to date: DATABASE_URL's, or else that of this folder's own Postgres. Resolves to the exit code. */
export async function migrateCommand(): Promise<number> {
  const { DATABASE_URL: given, HOLDFAST_DIR: dir } = configOrExit(readStoreConfig);
  if (given !== undefined) {
    report(await migrate(given));
    return 0;
  }
  const claimed = claimFolder(dir);
  if ('taken' in claimed) {
    console.log(`Holdfast runs in this folder (process ${claimed.taken.pid}) and migrated when it started.`);
    return 0;
  }
  try {
    const postgres = await startPostgres({ dir: join(dir, 'postgres') });
    try {
      report(await migrate(postgres.url));
    } finally {
      await postgres.stop();
    }
  } finally {
    claimed.claim.release();
  }
  return 0;
}

function report(applied: readonly string[]): void {
  console.log(applied.length === 0 ? 'The schema is up to date.' : `Applied: ${applied.join(', ')}`);
}
