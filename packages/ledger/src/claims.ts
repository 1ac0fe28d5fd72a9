import type { ClaimedRow } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from './database.ts';

/** Rows of one page: its sixteen pieces at the gate share their fsyncs. */
const pageSize = 8_000;

/**
 * One text for a page: a row each would cost ten times as much of this process, and this stands between a crash and the
 * first unit. None of the fields can hold a line break.
 */
const pageStatement: Statement = {
  name: 'claims-page',
  text: `select max(array[epoch, seq]) as last, count(*)::int as rows,
                string_agg(buyer_id || E'\\n' || counted || E'\\n' || coalesce(idempotency_key, '') || E'\\n'
                           || ticket_id || ' ' || coalesce(fingerprint, ''), E'\\n')
                  filter (where buyer_id <> '' and (counted > 0 or idempotency_key is not null)) as claims
           from (select epoch, seq, buyer_id, idempotency_key, ticket_id, fingerprint,
                        case when status in ('held', 'confirmed', 'waitlisted') then units else 0 end as counted
                   from reservations where sale_id = $1 and region = $2 and (epoch, seq) > ($3, $4)
                  order by epoch, seq limit $5) as page`,
};

/** What every buyer's limit and keys follow from, in the order of the line. */
export async function* pagesOfClaims(
  db: Queryable,
  region: string,
  saleId: string,
): AsyncGenerator<ClaimedRow[]> {
  let after: readonly number[] = [0, 0];
  let next = read(after);
  for (;;) {
    const page = await next;
    if (page === undefined || page.rows === 0) return;
    after = page.last.map(Number);
    // The next page is read while this one is written.
    next = read(after);
    next.catch(() => undefined);
    yield rowsIn(page.claims ?? '');
    if (page.rows < pageSize) return;
  }

  async function read([epoch, seq]: readonly number[]) {
    const [page] = await rowsOf<{ last: string[]; rows: number; claims: string | null }>(db, pageStatement, [
      saleId,
      region,
      epoch,
      seq,
      pageSize,
    ]);
    return page;
  }
}

function rowsIn(text: string): ClaimedRow[] {
  const fields = text === '' ? [] : text.split('\n');
  const rows: ClaimedRow[] = [];
  for (let index = 0; index < fields.length; index += 4) {
    const [buyerId = '', units = '0', idempotencyKey = '', kept = ''] = fields.slice(index, index + 4);
    rows.push({ buyerId, units: Number(units), idempotencyKey, kept });
  }
  return rows;
}
