import type { Cursor, NewEvent, Sale } from '@holdfast/core';
import type pg from 'pg';
import { inTransaction, isConflict, isUniqueViolation, type Queryable } from './database.ts';
import { insertDraw, updateDraw } from './draw.ts';
import { takeFence } from './fence.ts';
import { insertEvents, journalStart, link } from './journal.ts';
import type { SaleConfig } from './read-sale.ts';
import { type AcceptedRequest, insertRequest } from './requests.ts';

/** The tip before the first entry of a sale. */
const chainStart = '0'.repeat(40);

/** A new sale with its stock per sku; false when the id is taken, or `request` was carried out before. Its gate does not know it yet. */
export async function createSale(
  pool: pg.Pool,
  region: string,
  sale: Sale,
  stock: ReadonlyMap<string, number>,
  event: NewEvent,
  request: AcceptedRequest | null = null,
): Promise<boolean> {
  const row = link(sale.id, 1, journalStart, event);
  try {
    return await inTransaction(
      pool,
      async (client) => {
        if (request !== null && !(await insertRequest(client, request))) return false;
        await insertSale(client, sale);
        for (const [place, item] of sale.items.entries()) {
          await client.query(
            `insert into items (sale_id, sku, place, name, description, image_url, price_minor, stock, returned, taken, withdrawn)
             values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0)`,
            [
              sale.id,
              item.sku,
              place,
              item.name,
              item.description,
              item.imageUrl,
              item.priceMinor,
              stock.get(item.sku) ?? 0,
            ],
          );
        }
        await client.query(
          `insert into gates (sale_id, region, epoch, revision, committed_seq, tip, position, head, waiting, ran_at)
           values ($1, $2, 0, 1, 0, $3, $4, $5, 0, 0)`,
          [sale.id, region, chainStart, row.position, row.hash],
        );
        await insertEvents(client, sale.id, [row]);
        return true;
      },
      (created) => created,
    );
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw new Error(`Sale ${sale.id} could not be created`, { cause: error });
  }
}

async function insertSale(db: Queryable, sale: Sale): Promise<void> {
  await db.query(
    `insert into sales (id, name, status, opens_at, closes_at, hold_seconds, per_buyer_limit, currency, shard, config,
                        terms_version, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      sale.id,
      sale.name,
      sale.status,
      dateOf(sale.opensAt),
      dateOf(sale.closesAt),
      sale.holdSeconds,
      sale.perBuyerLimit,
      sale.currency,
      sale.shard,
      configOf(sale),
      sale.termsVersion,
      dateOf(sale.createdAt),
    ],
  );
}

/** What the console may do to a sale in one step; everything else goes through the intake. */
export interface SaleChange {
  /** The sale as it shall be, with a higher `termsVersion`. */
  sale: Sale;
  /** Units to add to the stock, per sku. */
  restocked: ReadonlyMap<string, number>;
  event: NewEvent;
  /** Opens the lobby: the secret that the sale's `draw.commitment` is the digest of. */
  seed?: string | undefined;
  /** Remembered in the same transaction, so that a request that is sent again after a crash changes nothing twice. */
  request?: AcceptedRequest | null;
}

/**
 * One step of a sale under the fence. `stale` and `busy` mean: read again and decide again. `repeated`: the request was
 * carried out before, and nothing was changed.
 */
export async function changeSale(
  pool: pg.Pool,
  region: string,
  read: Cursor,
  change: SaleChange,
): Promise<'changed' | 'busy' | 'stale' | 'repeated'> {
  const { sale } = change;
  const row = link(sale.id, read.position + 1, read.head, change.event);
  try {
    const fence = await inTransaction(
      pool,
      async (client): Promise<'taken' | 'busy' | 'stale' | 'repeated'> => {
        const taken = await takeFence(client, sale.id, region, read, {
          ...read,
          position: row.position,
          head: row.hash,
          waiting: 0,
        });
        if (taken !== 'taken') return taken;
        if (change.request != null && !(await insertRequest(client, change.request))) return 'repeated';
        await updateSale(client, sale);
        if (sale.draw !== undefined)
          await (change.seed === undefined
            ? updateDraw(client, sale.id, sale.draw)
            : insertDraw(client, sale.id, sale.draw, change.seed));
        for (const [sku, delta] of change.restocked) {
          await client.query('update items set stock = stock + $3 where sale_id = $1 and sku = $2', [
            sale.id,
            sku,
            delta,
          ]);
        }
        await insertEvents(client, sale.id, [row]);
        return taken;
      },
      (taken) => taken === 'taken',
    );
    return fence === 'taken' ? 'changed' : fence;
  } catch (error) {
    if (isConflict(error)) return 'stale';
    throw new Error(`Sale ${sale.id} could not be changed`, { cause: error });
  }
}

async function updateSale(db: Queryable, sale: Sale): Promise<void> {
  await db.query(
    `update sales set name = $2, status = $3, opens_at = $4, closes_at = $5, hold_seconds = $6, per_buyer_limit = $7,
                      config = $8, terms_version = $9 where id = $1`,
    [
      sale.id,
      sale.name,
      sale.status,
      dateOf(sale.opensAt),
      dateOf(sale.closesAt),
      sale.holdSeconds,
      sale.perBuyerLimit,
      configOf(sale),
      sale.termsVersion,
    ],
  );
}

function configOf(sale: Sale): string {
  const { waitlist, extension, challenge = null } = sale;
  return JSON.stringify({ waitlist, extension, challenge } satisfies SaleConfig);
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}
