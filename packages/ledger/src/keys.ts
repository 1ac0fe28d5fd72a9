import { type Queryable, rowsOf, type Statement } from './database.ts';

/** A key of the console. Times are epoch milliseconds. */
export interface KeyRow {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  createdAt: number;
  lastUsedAt: number | null;
  revokedAt: number | null;
}

/** Who calls. */
export interface KeyHolder {
  id: string;
  name: string;
  scopes: string[];
}

/** What was done with a key; `keyId` is null for the key of the settings. */
export interface AuditRow {
  id: string;
  at: number;
  keyId: string | null;
  keyName: string;
  method: string;
  route: string;
  path: string;
  status: number;
  requestId: string;
}

const insertStatement: Statement = {
  name: 'insert-key',
  text: `insert into api_keys (id, name, prefix, hash, scopes, created_at) values ($1, $2, $3, $4, $5, now())
         returning created_at as "createdAt"`,
};

/** `hash` is the SHA-256 of the key, in hex; the key itself is never written. */
export async function insertKey(
  db: Queryable,
  key: Pick<KeyRow, 'id' | 'name' | 'prefix' | 'scopes'> & { hash: string },
): Promise<KeyRow> {
  const { id, name, prefix, hash, scopes } = key;
  const [row] = await rowsOf<{ createdAt: number }>(db, insertStatement, [
    id,
    name,
    prefix,
    hash,
    scopes.join(' '),
  ]);
  return { id, name, prefix, scopes, createdAt: row?.createdAt ?? 0, lastUsedAt: null, revokedAt: null };
}

// Used is written at most once a minute, so that looking a key up stays a read.
const findStatement: Statement = {
  name: 'find-key',
  text: `
    with found as (select id, name, scopes, last_used_at from api_keys where hash = $1 and revoked_at is null),
         touched as (update api_keys k set last_used_at = now() from found
                      where k.id = found.id and coalesce(found.last_used_at, '-infinity') < now() - interval '1 minute')
    select id, name, scopes from found`,
};

/** Null for a key that there is not, or not any more. */
export async function findKey(db: Queryable, hash: string): Promise<KeyHolder | null> {
  const [row] = await rowsOf<{ id: string; name: string; scopes: string }>(db, findStatement, [hash]);
  return row === undefined ? null : { ...row, scopes: row.scopes.split(' ') };
}

const holderStatement: Statement = {
  name: 'key-holder',
  text: 'select id, name, scopes from api_keys where id = $1 and revoked_at is null',
};

/** Who holds the key of this id; null when it was revoked. */
export async function keyHolder(db: Queryable, id: string): Promise<KeyHolder | null> {
  const [row] = await rowsOf<{ id: string; name: string; scopes: string }>(db, holderStatement, [id]);
  return row === undefined ? null : { ...row, scopes: row.scopes.split(' ') };
}

const columns = `id, name, prefix, scopes, created_at as "createdAt", last_used_at as "lastUsedAt",
  revoked_at as "revokedAt"`;

const listStatement: Statement = {
  name: 'list-keys',
  text: `select ${columns} from api_keys order by created_at, id`,
};

export async function listKeys(db: Queryable): Promise<KeyRow[]> {
  return (await rowsOf<StoredKey>(db, listStatement, [])).map(keyOf);
}

const revokeStatement: Statement = {
  name: 'revoke-key',
  text: `update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1 returning ${columns}`,
};

/** The key as it is now; null when there is none. Revoking it again changes nothing. */
export async function revokeKey(db: Queryable, id: string): Promise<KeyRow | null> {
  const [row] = await rowsOf<StoredKey>(db, revokeStatement, [id]);
  return row === undefined ? null : keyOf(row);
}

type StoredKey = Omit<KeyRow, 'scopes'> & { scopes: string };

function keyOf(row: StoredKey): KeyRow {
  return { ...row, scopes: row.scopes.split(' ') };
}

const recordStatement: Statement = {
  name: 'record-audit',
  text: `insert into audit_log (at, id, key_id, key_name, method, route, path, status, request_id)
         values (now(), $1, $2, $3, $4, $5, $6, $7, $8)`,
};

export async function recordAudit(db: Queryable, entry: Omit<AuditRow, 'at'>): Promise<void> {
  const { id, keyId, keyName, method, route, path, status, requestId } = entry;
  await rowsOf(db, recordStatement, [id, keyId, keyName, method, route, path, status, requestId]);
}

const auditPageStatement: Statement = {
  name: 'audit-page',
  text: `select id, at, key_id as "keyId", key_name as "keyName", method, route, path, status, request_id as "requestId"
           from audit_log
          where $1::float8 is null or (date_trunc('milliseconds', at), id) < (to_timestamp($1::float8 / 1000.0), $2)
          order by date_trunc('milliseconds', at) desc, id desc limit $3`,
};

/** What was done, the newest first, behind `after`. */
export function auditPage(
  db: Queryable,
  after: { at: number; id: string } | null,
  limit: number,
): Promise<AuditRow[]> {
  return rowsOf<AuditRow>(db, auditPageStatement, [after?.at ?? null, after?.id ?? null, limit]);
}
