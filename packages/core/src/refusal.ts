/**
 * Why a request was refused: a closed set. A refusal is a fact that is returned, not an exception;
 * the HTTP status of each is chosen in one place only (contracts).
 */
export const refusalCodes = [
  'sold_out',
  'not_open',
  'paused',
  'closed',
  'limit_reached',
  'challenge_required',
  'challenge_failed',
  'hold_expired',
  'already_confirmed',
  'already_cancelled',
  'extension_limit',
  'unknown_sale',
  'unknown_ticket',
  'ticket_lost',
  'invalid_body',
  'unknown_item',
  'invalid_quantity',
  'idempotency_mismatch',
  'unauthorized',
  'forbidden',
  'rate_limited',
  'body_too_large',
  'unsupported_media_type',
  'invalid_transition',
  'already_exists',
  'not_enough_available',
  'gate_unavailable',
  'ledger_unavailable',
  'payment_unavailable',
  'quarantined',
] as const;

export type RefusalCode = (typeof refusalCodes)[number];

/** A refusal with what helps the buyer to act on it. Times are epoch milliseconds. */
export interface Refusal {
  kind: 'refused';
  code: RefusalCode;
  /** When the sale opens, with `not_open`. */
  opensAt?: number | undefined;
  /** Which line could not be had, with `sold_out`. */
  sku?: string | undefined;
  /** Seconds after which asking again makes sense, with `*_unavailable`. */
  retryAfterSeconds?: number | undefined;
}

export function refuse(code: RefusalCode, extras: Omit<Refusal, 'kind' | 'code'> = {}): Refusal {
  return { kind: 'refused', code, ...extras };
}
