import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Tables } from './tables.ts';

export interface DatabaseOptions {
  url: string;
  /** Most connections of this process; a commit run needs one at a time. */
  maxConnections?: number;
  /** How long to wait for a connection before it counts as a fault, milliseconds. */
  connectTimeoutMs?: number;
  /** How long one statement may take, milliseconds; 0 has no end and is for migrations only. */
  statementTimeoutMs?: number;
  /** A transaction that stands still or lasts longer is ended by the server, so that a frozen holder does not stop a sale. */
  transactionTimeoutMs?: number;
  applicationName?: string;
  onIdleError?: (error: Error) => void;
}

export interface Database {
  pool: pg.Pool;
  kysely: Kysely<Tables>;
  close(): Promise<void>;
}

export function openDatabase(options: DatabaseOptions): Database {
  const transactionTimeoutMs = options.transactionTimeoutMs ?? 2_000;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: options.applicationName ?? 'holdfast',
    statement_timeout: options.statementTimeoutMs ?? 10_000,
    idle_in_transaction_session_timeout: transactionTimeoutMs,
    types: { getTypeParser: typeParser } as never,
    onConnect: (client) => boundTransactions(client, transactionTimeoutMs) as never,
  });
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on('error', (error) => options.onIdleError?.(error));
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { pool, kysely, close: () => kysely.destroy() };
}

/** `transaction_timeout` came with Postgres 17; older servers go without it. */
async function boundTransactions(client: pg.ClientBase, timeoutMs: number): Promise<void> {
  await client.query(
    `select set_config('TimeZone', 'UTC', false),
            (select set_config(name, $1, false) from pg_settings where name = 'transaction_timeout')`,
    [String(timeoutMs)],
  );
}

const int8 = 20;
const timestamptz = 1184;

/** Counters stay far below 2^53, and times are epoch milliseconds everywhere in the program. */
function typeParser(oid: number, format?: 'text' | 'binary'): unknown {
  if (oid === int8) return Number;
  if (oid === timestamptz) return (text: string) => Date.parse(`${text.slice(0, -3).replace(' ', 'T')}Z`);
  return pg.types.getTypeParser(oid, format as 'text');
}

/** A statement with a name is prepared once per connection: it matters at small batches. */
export interface Statement {
  name: string;
  text: string;
}

export type Queryable = Pick<pg.ClientBase, 'query'>;

export async function rowsOf<Row>(db: Queryable, statement: Statement, values: unknown[]): Promise<Row[]> {
  const result = await db.query({ ...statement, values });
  return result.rows as Row[];
}

/** Begin, `work`, and commit on one connection; rolled back when `work` throws or answers `rollback`. */
export async function inTransaction<Answer>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Answer>,
  keeps: (answer: Answer) => boolean = () => true,
): Promise<Answer> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The server may end a connection between two statements; the next one then fails, which is all that need happen.
  const onBroken = (error: Error) => {
    broken = error;
  };
  client.on('error', onBroken);
  try {
    await client.query('begin');
    const answer = await work(client);
    await client.query(keeps(answer) ? 'commit' : 'rollback');
    return answer;
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.off('error', onBroken);
    client.release(broken);
  }
}

const conflicts = new Set(['40001', '40P01', 'OC000', 'OC001']);

/** Two transactions met and one must be done again: serialisation failure, deadlock, and their names on DSQL. */
export function isConflict(error: unknown): boolean {
  return conflicts.has(codeOf(error));
}

export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505';
}

/**
 * A statement failed for what it was given, and would fail again: data that does not fit, a constraint, a limit of the
 * server's. Anything else is the store's own trouble.
 */
export function isUnfit(error: unknown): boolean {
  if (isUniqueViolation(error) || isOversold(error)) return false;
  if (/^(?:22|23|54)[0-9A-Z]{3}$/.test(codeOf(error))) return true;
  return error instanceof Error && error.cause !== undefined && isUnfit(error.cause);
}

/** The counters are others than those that the run was decided by. */
export function isOversold(error: unknown): boolean {
  return (error as { constraint?: string } | null)?.constraint === 'items_never_oversold';
}

function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? '';
}
