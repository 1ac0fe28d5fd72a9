import { Migrator } from 'kysely/migration';
import { openDatabase } from './database.ts';
import { migrations } from './migrations/index.ts';

/**
 * Brings the schema up to date; safe to call from several processes at once.
 * Answers with the names of what was applied, oldest first. Throws when one fails; what came before it stays.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const database = openDatabase({
    url: databaseUrl,
    maxConnections: 2,
    statementTimeoutMs: 0,
    transactionTimeoutMs: 60_000,
    applicationName: 'holdfast-migrate',
  });
  try {
    const migrator = new Migrator({
      db: database.kysely,
      provider: { getMigrations: () => Promise.resolve(migrations) },
    });
    const { error, results } = await migrator.migrateToLatest();
    if (error !== undefined) throw new Error('The database could not be migrated', { cause: error });
    return (results ?? []).map((result) => result.migrationName);
  } finally {
    await database.close();
  }
}
