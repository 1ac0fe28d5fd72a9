/** What the peers share in Postgres: the stock row, the reservation rows, a pool and a retry that backs off. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export const holdSeconds = 300;

/**
 * One row per reservation, without lines or journal: less than Holdfast writes, since these ideas do not need
 * more. The CHECK is the same guard against overselling.
 */
const tables = `
  CREATE TABLE items (
    sale_id text NOT NULL,
    sku text NOT NULL,
    stock integer NOT NULL,
    taken integer NOT NULL,
    PRIMARY KEY (sale_id, sku),
    CONSTRAINT never_oversold CHECK (taken <= stock)
  ) WITH (fillfactor = 50);
  CREATE TABLE reservations (
    ticket_id text PRIMARY KEY,
    sale_id text NOT NULL,
    sku text NOT NULL,
    quantity integer NOT NULL,
    buyer_id text NOT NULL,
    status text NOT NULL,
    reserved_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
  );
  CREATE INDEX reservations_by_sale ON reservations (sale_id);
`;

/** Pipelined: several statements of one transaction may be on the wire at once. */
export async function openPool(databaseUrl: string, connections: number): Promise<pg.Pool> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: connections,
    min: connections,
    idleTimeoutMillis: 0,
    pipeline: true,
  } as pg.PoolConfig);
  pool.on('error', (error) => console.error(error));
  const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
  for (const client of clients) client.release();
  return pool;
}

export async function createTables(pool: pg.Pool): Promise<void> {
  await pool.query(tables);
}

export async function insertItem(pool: pg.Pool, saleId: string, sku: string, stock: number): Promise<void> {
  await pool.query('INSERT INTO items VALUES ($1, $2, $3, 0)', [saleId, sku, stock]);
}

/**
 * Tries until there is an answer (`null` means that another transaction was faster), for ten seconds at most.
 * Full jitter, and a low ceiling, because the winner needs about a millisecond.
 */
export async function retryWithJitter<T>(attempt: () => Promise<T | null>): Promise<T | null> {
  const givenUpAt = performance.now() + 10_000;
  for (let lost = 0; ; lost += 1) {
    const answer = await attempt();
    if (answer !== null || performance.now() > givenUpAt) return answer;
    await sleep(Math.random() * Math.min(25, 2 ** lost));
  }
}

/** Settles all, so that no answer of a pipelined transaction is left unread; then throws the first fault. */
export async function allAnswers(answers: Promise<pg.QueryResult>[]): Promise<pg.QueryResult[]> {
  const settled = await Promise.allSettled(answers);
  const fault = settled.find((answer) => answer.status === 'rejected');
  if (fault !== undefined) throw fault.reason;
  return settled.map((answer) => (answer as PromiseFulfilledResult<pg.QueryResult>).value);
}
