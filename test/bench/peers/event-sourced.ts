/**
 * Peer (d): the sale is a stream of events; a reservation is the insert of the next version, and who finds that
 * version taken reads again and retries.
 *
 * Made as good as it gets: the event carries the running total, so the state is the last event alone and not a
 * replay; reading and inserting are one prepared statement, one round trip and one transaction; a conflict is
 * an empty answer (ON CONFLICT) and not an aborted transaction; a refusal is one plain read.
 */
import { nanoid } from 'nanoid';
import { holdSeconds, openPool, retryWithJitter } from './rows.ts';
import { type Peer, type PeerSettings, type Reserved, servePeer, type Wish } from './serve.ts';

// Measured with 2, 3, 4, 6, 8 and 16: each further client is one more that loses the race for the same version.
const connections = 2;

const tables = `
  CREATE TABLE events (
    sale_id text NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    ticket_id text,
    sku text NOT NULL,
    quantity integer NOT NULL,
    buyer_id text,
    stock integer NOT NULL,
    taken integer NOT NULL,
    at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (sale_id, version),
    CONSTRAINT never_oversold CHECK (taken <= stock)
  );
`;

export async function startEventSourced(settings: PeerSettings): Promise<Peer> {
  const pool = await openPool(settings.databaseUrl, connections);
  await pool.query(tables);
  const seenSoldOut = new Set<string>();

  return {
    async openSale(saleId, sku, stock) {
      await pool.query(`INSERT INTO events VALUES ($1, 0, 'opened', NULL, $2, 0, NULL, $3, 0, now(), NULL)`, [
        saleId,
        sku,
        stock,
      ]);
    },
    async reserve(wish) {
      const item = `${wish.saleId} ${wish.sku}`;
      if (seenSoldOut.has(item)) {
        if (!(await hasEnough(wish))) return { outcome: 'sold_out' };
        seenSoldOut.delete(item);
      }
      const reserved = await retryWithJitter(() => appendOnce(wish));
      if (reserved?.outcome === 'sold_out') seenSoldOut.add(item);
      return reserved ?? { outcome: 'busy' };
    },
    close: () => pool.end(),
  };

  /** Null when another one took the version first. */
  async function appendOnce(wish: Wish): Promise<Reserved | null> {
    const ticketId = nanoid();
    const answer = await pool.query<{ enough: boolean; appended: boolean }>({
      name: 'append',
      text: `
        WITH last AS (
          SELECT version, stock, taken FROM events WHERE sale_id = $1 ORDER BY version DESC LIMIT 1
        ), appended AS (
          INSERT INTO events
          SELECT $1, version + 1, 'held', $2, $3, $4::integer, $5, stock, taken + $4::integer,
                 now(), now() + make_interval(secs => $6)
          FROM last WHERE taken + $4::integer <= stock
          ON CONFLICT (sale_id, version) DO NOTHING
          RETURNING 1
        )
        SELECT taken + $4::integer <= stock AS enough, EXISTS (SELECT FROM appended) AS appended FROM last`,
      values: [wish.saleId, ticketId, wish.sku, wish.quantity, wish.buyerId, holdSeconds],
    });
    const [found] = answer.rows;
    if (found === undefined) throw new Error('no such sale');
    if (!found.enough) return { outcome: 'sold_out' };
    return found.appended ? { outcome: 'held', ticketId } : null;
  }

  async function hasEnough(wish: Wish): Promise<boolean> {
    const last = await pool.query({
      name: 'has-enough',
      text: 'SELECT taken + $2 <= stock AS enough FROM events WHERE sale_id = $1 ORDER BY version DESC LIMIT 1',
      values: [wish.saleId, wish.quantity],
    });
    return last.rows[0]?.enough === true;
  }
}

if (import.meta.main) await servePeer(startEventSourced);
