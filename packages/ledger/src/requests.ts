import { type Queryable, rowsOf, type Statement } from './database.ts';

/** A call of the console with an Idempotency-Key. `key` includes what it was sent to. */
export interface AcceptedRequest {
  key: string;
  fingerprint: string;
}

/** `body` is null while the change stands but its answer was not given yet. */
export interface RememberedRequest {
  fingerprint: string;
  status: number;
  body: string | null;
}

const insertStatement: Statement = {
  name: 'insert-request',
  text: `insert into requests (key, fingerprint, status, body, at) values ($1, $2, 0, '', now())
         on conflict (key) do nothing returning key`,
};

/** Inside the transaction of the change itself: the row is there exactly when the change is. False for a repeat. */
export async function insertRequest(db: Queryable, request: AcceptedRequest): Promise<boolean> {
  return (await rowsOf(db, insertStatement, [request.key, request.fingerprint])).length === 1;
}

const readStatement: Statement = {
  name: 'read-request',
  text: `select fingerprint, status, nullif(body, '') as body from requests where key = $1`,
};

export async function readRequest(db: Queryable, key: string): Promise<RememberedRequest | null> {
  const [row] = await rowsOf<RememberedRequest>(db, readStatement, [key]);
  return row ?? null;
}

const answerStatement: Statement = {
  name: 'answer-request',
  text: `insert into requests (key, fingerprint, status, body, at) values ($1, $2, $3, $4, now())
         on conflict (key) do update set status = excluded.status, body = excluded.body
          where requests.fingerprint = excluded.fingerprint and requests.body = ''`,
};

/** Remembers the first answer to a request; a later one changes nothing. */
export async function answerRequest(
  db: Queryable,
  request: AcceptedRequest,
  status: number,
  body: string,
): Promise<void> {
  await rowsOf(db, answerStatement, [request.key, request.fingerprint, status, body]);
}
