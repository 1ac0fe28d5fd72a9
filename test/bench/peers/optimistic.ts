/**
 * Peer (c): no lock is asked for; a REPEATABLE READ transaction reads, updates and inserts, and starts again
 * when it meets 40001 (another one changed the row first).
 *
 * Made as good as it gets: statements are prepared, a transaction takes two round trips (pipelined), losers
 * wait with full jitter, and a refusal is one plain read once the item was seen sold out.
 */
import { nanoid } from 'nanoid';
import { allAnswers, createTables, holdSeconds, insertItem, openPool, retryWithJitter } from './rows.ts';
import { type Peer, type PeerSettings, type Reserved, servePeer, type Wish } from './serve.ts';

// Measured with 2, 3, 4, 6, 8 and 16: each further client is one more that loses the race for the same row.
const connections = 2;
const serializationFailure = '40001';

export async function startOptimistic(settings: PeerSettings): Promise<Peer> {
  const pool = await openPool(settings.databaseUrl, connections);
  await createTables(pool);
  const seenSoldOut = new Set<string>();

  return {
    openSale: (saleId, sku, stock) => insertItem(pool, saleId, sku, stock),
    async reserve(wish) {
      const item = `${wish.saleId} ${wish.sku}`;
      if (seenSoldOut.has(item)) {
        if (!(await hasEnough(wish))) return { outcome: 'sold_out' };
        seenSoldOut.delete(item);
      }
      const reserved = await retryWithJitter(() => reserveOnce(wish));
      if (reserved?.outcome === 'sold_out') seenSoldOut.add(item);
      return reserved ?? { outcome: 'busy' };
    },
    close: () => pool.end(),
  };

  async function hasEnough(wish: Wish): Promise<boolean> {
    const found = await pool.query({
      name: 'has-enough',
      text: 'SELECT 1 FROM items WHERE sale_id = $1 AND sku = $2 AND taken + $3 <= stock',
      values: [wish.saleId, wish.sku, wish.quantity],
    });
    return found.rows.length > 0;
  }

  /** Null when another transaction was first. */
  async function reserveOnce(wish: Wish): Promise<Reserved | null> {
    const client = await pool.connect();
    try {
      const [, read] = await allAnswers([
        client.query('BEGIN ISOLATION LEVEL REPEATABLE READ'),
        client.query({
          name: 'read-item',
          text: 'SELECT taken FROM items WHERE sale_id = $1 AND sku = $2 AND taken + $3 <= stock',
          values: [wish.saleId, wish.sku, wish.quantity],
        }),
      ]);
      if (read?.rows.length === 0) {
        await client.query('ROLLBACK');
        return { outcome: 'sold_out' };
      }
      const ticketId = nanoid();
      await allAnswers([
        client.query({
          name: 'take',
          text: 'UPDATE items SET taken = $4::integer + $3::integer WHERE sale_id = $1 AND sku = $2',
          values: [wish.saleId, wish.sku, wish.quantity, read?.rows[0].taken],
        }),
        client.query({
          name: 'insert-hold',
          text: `INSERT INTO reservations VALUES
            ($1, $2, $3, $4, $5, 'held', now(), now() + make_interval(secs => $6))`,
          values: [ticketId, wish.saleId, wish.sku, wish.quantity, wish.buyerId, holdSeconds],
        }),
        client.query('COMMIT'),
      ]);
      return { outcome: 'held', ticketId };
    } catch (cause) {
      // The COMMIT on the wire behind the failed statement has already ended the transaction as a rollback.
      if ((cause as { code?: string }).code === serializationFailure) return null;
      await client.query('ROLLBACK').catch(() => undefined);
      throw new Error('reserving optimistically', { cause });
    } finally {
      client.release();
    }
  }
}

if (import.meta.main) await servePeer(startOptimistic);
