import type { Draw, Lobby } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';

const insertStatement: Statement = {
  name: 'insert-draw',
  text: `insert into draws (sale_id, commitment, seed, beacon, members, list_hash, placed)
         values ($1, $2, $3, $4, null, null, 0)`,
};

/** The lobby opens: the seed is kept, and only its commitment is shown. */
export async function insertDraw(db: Queryable, saleId: string, draw: Draw, seed: string): Promise<void> {
  await rowsOf(db, insertStatement, [saleId, draw.commitment, seed, draw.beacon]);
}

const updateStatement: Statement = {
  name: 'update-draw',
  text: 'update draws set beacon = $2, members = $3, list_hash = $4 where sale_id = $1',
};

export async function updateDraw(db: Queryable, saleId: string, { beacon, result }: Draw): Promise<void> {
  await rowsOf(db, updateStatement, [saleId, beacon, result?.members ?? null, result?.listHash ?? null]);
}

const placedStatement: Statement = {
  name: 'count-placed',
  text: 'update draws set placed = greatest(placed, $2) where sale_id = $1',
};

/** Inside the transaction of the run that decided the number. */
export async function countPlaced(db: Queryable, saleId: string, drawnTo: number): Promise<void> {
  await rowsOf(db, placedStatement, [saleId, drawnTo]);
}

/** What a draw needs and nobody may see before it. */
const secretStatement: Statement = {
  name: 'draw-secret',
  text: 'select seed, beacon from draws where sale_id = $1',
};

const membersStatement: Statement = {
  name: 'lobby-members',
  text: `select ticket_id as id, type from events
          where sale_id = $1 and position <= $2 and type in ('joined', 'cancelled') order by position`,
};

/** As the journal has it up to `position`: who joined and did not give up. Null for a sale that never had a lobby. */
export async function readLobby(db: Queryable, saleId: string, position: number): Promise<Lobby | null> {
  const [secret] = await rowsOf<{ seed: string; beacon: string | null }>(db, secretStatement, [saleId]);
  if (secret === undefined) return null;
  const members = new Set<string>();
  for (const { id, type } of await rowsOf<{ id: string; type: string }>(db, membersStatement, [
    saleId,
    position,
  ]))
    if (type === 'joined') members.add(id);
    else members.delete(id);
  return { ...secret, ticketIds: [...members] };
}

const drawnStatement: Statement = {
  name: 'drawn-at',
  text: `select min(position) as at from events where sale_id = $1 and type = 'drawn'`,
};

export async function drawnAt(db: Queryable, saleId: string): Promise<number | null> {
  const [row] = await rowsOf<{ at: number | null }>(db, drawnStatement, [saleId]);
  return row?.at ?? null;
}

const pageStatement: Statement = {
  name: 'joined-page',
  text: `select e.position, e.ticket_id as "ticketId", r.buyer_id as "buyerId"
           from events e join reservations r on r.ticket_id = e.ticket_id
          where e.sale_id = $1 and e.position > $2 and e.type = 'joined' order by e.position limit $3`,
};

const pageSize = 1_000;

/** Everyone who ever joined the lobby of a sale, in pages. */
export async function* pagesOfMembers(
  db: Queryable,
  saleId: string,
): AsyncGenerator<{ ticketId: string; buyerId: string }[]> {
  let position = 0;
  for (;;) {
    const rows = await rowsOf<{ position: number; ticketId: string; buyerId: string }>(db, pageStatement, [
      saleId,
      position,
      pageSize,
    ]);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    position = last.position;
  }
}
