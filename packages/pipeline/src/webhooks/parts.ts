import type { WebhookLedger, WebhookMessages, WebhookOutcome, WebhookSender } from '@holdfast/core';

/** One attempt, as it may be told to anybody: no address, no body, no secret. */
export interface WebhookReport {
  endpointId: string;
  messageId: string;
  outcome: WebhookOutcome;
  statusCode: number | null;
  /** Attempts in a row that did not get through, this one with them; 0 after one that did. */
  failures: number;
  /** Present when this attempt disabled the endpoint. */
  stopped?: 'gone' | 'failing';
  durationMs: number;
}

export interface WebhookParts {
  ledger: WebhookLedger;
  sender: WebhookSender;
  messages: WebhookMessages;
  onAttempt?(report: WebhookReport): void;
  /** How long a strand is one worker's, milliseconds; longer than an attempt. */
  leaseMs?: number;
  /** From 0 to 1, by chance. */
  jitter?(): number;
  /** When to try again; the rule of core unless told otherwise. */
  retryDelayMs?(attempts: number, failingForMs: number, jitter: number, askedMs?: number): number | null;
}

/** Time to write an attempt down, milliseconds. */
const leaseMarginMs = 5_000;

/**
 * How long a strand is one worker's: an attempt, and time to write it down. It is renewed after each message; who died with
 * it is followed after this.
 */
export function leaseMsOf({ sender, leaseMs = sender.withinMs + leaseMarginMs }: WebhookParts): number {
  return leaseMs;
}
