import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

/** What the console's reservations say of one ticket; all that the proof needs. */
export interface Row {
  ticketId: string;
  buyerId: string;
  status: string;
  seq: number;
  epoch: number;
  lines: { sku: string; quantity: number }[];
}

export interface AuditAnswer {
  ok: boolean;
  checks: { name: string; ok: boolean; expected: unknown; actual: unknown }[];
}

/** The console, over HTTP, as a merchant's own program would use it. Throws when it cannot be had. */
export function createMerchant(console: URL, key: string) {
  const authorization = { Authorization: `Bearer ${key}` };

  return {
    /** Creates the sale, open, and returns its id. An answer of the console is effective: the edges have it then. */
    async createSale(sale: object, idempotencyKey: string): Promise<string> {
      const created = await call('POST', '/v1/sales', { ...sale, status: 'open' }, idempotencyKey);
      return String(created['id']);
    },

    async audit(saleId: string): Promise<AuditAnswer> {
      const { ok, checks } = await call('GET', `/v1/sales/${encodeURIComponent(saleId)}/audit`);
      if (typeof ok !== 'boolean' || !Array.isArray(checks)) throw new Error('the audit is not {ok, checks}');
      return { ok, checks };
    },

    /** The journal's export, line by line; undefined where the console has none. */
    async journal(saleId: string): Promise<AsyncIterable<string> | undefined> {
      const path = `/v1/sales/${encodeURIComponent(saleId)}/journal`;
      const response = await fetch(new URL(path, console), {
        headers: authorization,
        signal: AbortSignal.timeout(EXPORT_MAX_MS),
      });
      if (response.status === 404) return undefined;
      if (!response.ok || response.body === null) throw new Error(`the journal answered ${response.status}`);
      return createInterface({ input: Readable.fromWeb(response.body), crlfDelay: Number.POSITIVE_INFINITY });
    },

    /** Every reservation of the sale, page by page. */
    async *reservations(saleId: string): AsyncGenerator<Row> {
      let cursor = '';
      do {
        const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page = await call(
          'GET',
          `/v1/sales/${encodeURIComponent(saleId)}/reservations?limit=${PAGE}${after}`,
        );
        const { reservations, nextCursor } = page;
        if (!Array.isArray(reservations)) throw new Error('the page of reservations has no reservations');
        yield* reservations.map(rowOf);
        cursor = typeof nextCursor === 'string' ? nextCursor : '';
      } while (cursor !== '');
    },
  };

  async function call(
    method: string,
    path: string,
    body?: object,
    idempotencyKey?: string,
  ): Promise<Record<string, unknown>> {
    let cause: unknown;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        const response = await fetch(new URL(path, console), {
          method,
          headers: {
            ...authorization,
            ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
            ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(CALL_MAX_MS),
        });
        const answer: unknown = await response.json();
        if (response.ok && isFields(answer)) return answer;
        cause = new Error(`answered ${response.status} ${JSON.stringify(answer)}`);
        if (response.status < 500) break;
      } catch (fault) {
        cause = fault;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
    }
    throw new Error(`the console did not do ${method} ${path}`, { cause });
  }
}

export type Merchant = ReturnType<typeof createMerchant>;

const PAGE = 1_000;
const ATTEMPTS = 10;
const PAUSE_MS = 300;
const CALL_MAX_MS = 30_000;
const EXPORT_MAX_MS = 300_000;

function rowOf(row: Record<string, unknown>): Row {
  const { id, ticketId = id, buyerId, status, seq, epoch, lines } = row;
  if (typeof ticketId !== 'string' || typeof status !== 'string' || !Array.isArray(lines)) {
    throw new Error('a reservation without ticket id, status or lines');
  }
  return { ticketId, buyerId: String(buyerId ?? ''), status, seq: Number(seq), epoch: Number(epoch), lines };
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
