/**
 * The ceiling of the commit run (P4): the very rows it wrote, written again by nothing but `unnest`, one
 * connection, a thousand reservations per transaction, into copies of the same tables with the same indexes.
 */
import type pg from 'pg';

const tables = ['reservations', 'reservation_lines', 'events'] as const;
const reservationsPerTransaction = 1_000;

interface Column {
  name: string;
  type: string;
}

/** Reservations a second. Copies live in a schema of their own and are dropped again. */
export async function measureUnnest(rows: pg.Client, saleId: string): Promise<number> {
  await rows.query('DROP SCHEMA IF EXISTS bare CASCADE');
  await rows.query('CREATE SCHEMA bare');
  try {
    const batches = await readBatches(rows, saleId);
    const startedAt = performance.now();
    for (const statements of batches.transactions) {
      await rows.query('BEGIN');
      for (const statement of statements) await rows.query(statement);
      await rows.query('COMMIT');
    }
    return (batches.reservations * 1000) / (performance.now() - startedAt);
  } finally {
    await rows.query('DROP SCHEMA bare CASCADE');
  }
}

async function readBatches(rows: pg.Client, saleId: string) {
  const transactions: pg.QueryConfig[][] = [];
  let reservations = 0;
  for (const table of tables) {
    await rows.query(`CREATE TABLE bare.${table} (LIKE public.${table} INCLUDING ALL)`);
    const columns = await readColumns(rows, table);
    const found = await rows.query<string[]>({
      text: `SELECT ${columns.map((column) => `t.${column.name}::text`).join(', ')} ${fromOf(table)}`,
      values: [saleId],
      rowMode: 'array',
    } as unknown as pg.QueryArrayConfig);
    if (table === 'reservations') reservations = found.rows.length;
    const perTransaction = Math.ceil(
      (found.rows.length / Math.max(1, reservations)) * reservationsPerTransaction,
    );
    for (let from = 0, batch = 0; from < found.rows.length; from += perTransaction, batch += 1) {
      const part = found.rows.slice(from, from + perTransaction);
      const statement = {
        name: `bare-${table}`,
        text: `INSERT INTO bare.${table} (${columns.map((column) => column.name).join(', ')})
          SELECT * FROM unnest(${columns.map((column, i) => `$${i + 1}::${column.type}[]`).join(', ')})`,
        values: columns.map((_, i) => part.map((row) => row[i])),
      };
      const transaction = transactions[batch];
      if (transaction === undefined) transactions.push([statement]);
      else transaction.push(statement);
    }
  }
  return { transactions, reservations };
}

function fromOf(table: (typeof tables)[number]): string {
  if (table === 'reservations') return 'FROM reservations t WHERE t.sale_id = $1 ORDER BY t.seq';
  if (table === 'events') return 'FROM events t WHERE t.sale_id = $1 ORDER BY t.position';
  return 'FROM reservation_lines t JOIN reservations r USING (ticket_id) WHERE r.sale_id = $1 ORDER BY r.seq';
}

async function readColumns(rows: pg.Client, table: string): Promise<Column[]> {
  const found = await rows.query<Column>(
    `SELECT quote_ident(attname) AS name, format_type(atttypid, atttypmod) AS type
     FROM pg_attribute
     WHERE attrelid = ('public.' || $1)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     ORDER BY attnum`,
    [table],
  );
  return found.rows;
}
