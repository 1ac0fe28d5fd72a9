/**
 * Outgoing webhooks: the rules of when to try again and when to stop, and what the rooms that deliver ask of each other.
 * The journal is the outbox: an endpoint has a strand per sale, which is a cursor into that sale's journal, and nothing is
 * written for a webhook where reservations are.
 */
import type { EventData, EventType } from './journal.ts';
import type { Line } from './reservation.ts';

// ---- rules ---------------------------------------------------------------------------------------------------------

/** `paused` by the merchant; `disabled` by us, with a reason; `revoked` for good. Only `enabled` is delivered to. */
export type WebhookStatus = 'enabled' | 'paused' | 'disabled' | 'revoked';

/** Why an endpoint was disabled: it answered 410, or nothing got through for as long as we try. */
export type WebhookStopReason = 'gone' | 'failing';

/**
 * What came of one attempt. `status`: an answer other than 2xx; `redirect`: 3xx, which is not followed; `gone`: 410.
 * `refused_address`: the name leads to an address that may not be called; `not_https`: nor may any without TLS.
 */
export type WebhookOutcome =
  | 'delivered'
  | 'status'
  | 'redirect'
  | 'gone'
  | 'timeout'
  | 'unresolved'
  | 'refused_address'
  | 'not_https'
  | 'tls'
  | 'connection';

export type WebhookAnswer =
  /** `retryAfterMs`: how long the receiver wants to be left alone. */
  | { kind: 'answered'; status: number; retryAfterMs?: number }
  | { kind: 'unanswered'; why: Exclude<WebhookOutcome, 'delivered' | 'status' | 'redirect' | 'gone'> };

export function outcomeOf(answer: WebhookAnswer): WebhookOutcome {
  if (answer.kind === 'unanswered') return answer.why;
  const { status } = answer;
  if (status >= 200 && status < 300) return 'delivered';
  if (status >= 300 && status < 400) return 'redirect';
  return status === 410 ? 'gone' : 'status';
}

/** How long one message is tried before its endpoint is disabled, milliseconds. */
export const webhookGiveUpAfterMs = 3 * 86_400_000;
const firstRetryMs = 2_000;
const longestRetryMs = 4 * 3_600_000;
/** Part of a pause that chance may take off, so that what failed together does not come back together. */
const jitterShare = 0.25;

/**
 * When to try again after `attempts` attempts in a row, the first of them `failingForMs` ago: after about 2 s, and each
 * time twice that, up to 4 hours. The last attempt comes when three days are over; after that, null. `jitter` is from 0
 * to 1, by chance. Not before `askedMs`, what the receiver asked for, but for no more than 4 hours: it must not be able to
 * stop its own messages for good by a slip.
 */
export function retryDelayMs(
  attempts: number,
  failingForMs: number,
  jitter: number,
  askedMs = 0,
): number | null {
  const leftMs = webhookGiveUpAfterMs - failingForMs;
  if (leftMs <= 0) return null;
  const pauseMs = Math.min(firstRetryMs * 2 ** Math.min(attempts - 1, 30), longestRetryMs);
  const asked = Math.min(askedMs, longestRetryMs);
  return Math.min(Math.max(Math.round(pauseMs * (1 - jitterShare * jitter)), asked), leftMs);
}

/**
 * The id of an event's message, the same on every attempt, so that a receiver can drop doubles. A sale's id may have dots,
 * and a dot ends the id in what is signed; `~` stands in no sale's id.
 */
export function webhookMessageId(saleId: string, position: number): string {
  return `${saleId.replaceAll('.', '~')}-${position}`;
}

// ---- ports ---------------------------------------------------------------------------------------------------------

/** Where to, and what with: the newest secret first, then one that was rotated out less than a day ago. */
export interface WebhookTarget {
  url: string;
  secrets: readonly string[];
}

export interface WebhookMessage {
  id: string;
  /** The public name of what happened. */
  type: string;
  /** The very text that is signed. */
  body: string;
}

/** Speaks HTTP; one attempt each, which ends within `withinMs`. Never throws for what the receiver does. */
export interface WebhookSender {
  readonly withinMs: number;
  send(target: WebhookTarget, message: WebhookMessage): Promise<WebhookAnswer>;
  /** Cuts off what is under way. */
  close(): Promise<void>;
}

/** An endpoint and a sale: what is delivered in order. */
export interface WebhookStrand {
  endpointId: string;
  saleId: string;
}

/** A strand while somebody delivers on it; nobody else does before the lease is over. */
export interface TakenStrand extends WebhookStrand {
  lease: string;
  /** Everything up to here is done with. */
  position: number;
  /** The journal's end when the strand was taken. */
  upTo: number;
  /** Failed attempts in a row, and how long ago the first of them was, milliseconds. */
  attempts: number;
  failingForMs: number;
  target: WebhookTarget;
  /** Public names that the endpoint asked for; null for all. */
  types: readonly string[] | null;
}

/** An event of the journal with what its ticket's row says of buyer and lines. */
export interface WebhookEvent {
  saleId: string;
  position: number;
  type: EventType;
  ticketId: string | null;
  data: EventData;
  /** Epoch milliseconds. */
  at: number;
  /** Null for an event of the sale, and for the house. */
  buyerId: string | null;
  lines: readonly Line[];
  currency: string;
}

/** How events are told outside; given by the app, since formats are no business of the pipeline. */
export interface WebhookMessages {
  /** The kinds of events behind public names; null is every kind that has a name. */
  kindsOf(types: readonly string[] | null): EventType[];
  ofEvent(event: WebhookEvent): WebhookMessage;
  /** `at` in epoch milliseconds. */
  ofTest(id: string, endpointId: string, at: number): WebhookMessage;
}

/** What is written down of an attempt. */
export interface WebhookAttempt {
  messageId: string;
  type: string;
  position: number;
  /** Null when there was no answer. */
  statusCode: number | null;
  outcome: WebhookOutcome;
}

/** What happens after a failed attempt. */
export type WebhookNext = { kind: 'retry'; inMs: number } | { kind: 'stop'; reason: WebhookStopReason };

/** A test or a re-send: one attempt, outside of the order. `event` is null for a test. */
export interface TakenExtra {
  endpointId: string;
  messageId: string;
  lease: string;
  target: WebhookTarget;
  event: WebhookEvent | null;
  /** Epoch milliseconds. */
  createdAt: number;
}

export interface WebhookStanding {
  endpoints: Record<WebhookStatus, number>;
  /** Age of the oldest event that an enabled endpoint has not got, seconds; 0 when there is none. */
  oldestUndeliveredSeconds: number;
}

export interface WebhookLedger {
  /** Strands that have something to deliver now, at most `perEndpoint` of one endpoint at a time, those that waited longest first. */
  behind(perEndpoint: number, limit: number): Promise<WebhookStrand[]>;
  /** Compare-and-set; null when another has it, or there is nothing to do now. */
  takeStrand(strand: WebhookStrand, lease: string, leaseMs: number): Promise<TakenStrand | null>;
  /** Events of these kinds in `(after, upTo]`, in order. */
  events(
    saleId: string,
    after: number,
    upTo: number,
    kinds: readonly EventType[],
    limit: number,
  ): Promise<WebhookEvent[]>;
  /**
   * Moves the strand on and renews its lease; null when the lease is another's by now or the endpoint is not enabled any
   * more. `isBack`: it had failed before, so whatever else of the endpoint waits to be tried again is due now.
   */
  delivered(
    strand: TakenStrand,
    attempt: WebhookAttempt,
    leaseMs: number,
    isBack: boolean,
  ): Promise<WebhookTarget | null>;
  /** Gives the strand back until it is due again, or disables the endpoint. False when the lease was another's by then. */
  failed(strand: TakenStrand, attempt: WebhookAttempt, next: WebhookNext): Promise<boolean>;
  /** Gives the strand back with nothing left up to `position`. */
  release(strand: TakenStrand, position: number): Promise<void>;
  extras(limit: number): Promise<{ endpointId: string; messageId: string }[]>;
  takeExtra(
    extra: { endpointId: string; messageId: string },
    lease: string,
    leaseMs: number,
  ): Promise<TakenExtra | null>;
  recordExtra(extra: TakenExtra, outcome: WebhookOutcome, statusCode: number | null): Promise<void>;
  standing(): Promise<WebhookStanding>;
  /** Forgets what was delivered or tried longer ago than the log is kept; answers with how many, at most `limit`. */
  prune(limit: number): Promise<number>;
}
