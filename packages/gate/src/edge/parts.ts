import { type Bell, type Refusal, refuse } from '@holdfast/core';
import type { Redis } from 'ioredis';
import type { Bound } from '../bound.ts';
import type { RunScript } from '../scripts.ts';

/** What every room of an edge's gate works with. */
export interface EdgeParts {
  redis: Redis;
  run: RunScript;
  shards: number;
  intakeLimit: number;
  maxBatch: number;
  maxInFlight: number;
  /** For one call, resends included, milliseconds. */
  deadlineMs: number;
  /** In line and there together. */
  answerWithinMs: number;
  /** For what is not sent in batches: commands, challenges, lists. */
  bound: Bound;
  ring(bell: Bell): void;
  /** What a call that failed is answered. */
  unavailable(error: unknown): Refusal;
}

/** Requests that may wait in one line. */
export const maxWaiting = 20_000;
/** How often a request is prepared again because the sale's terms changed under it. */
export const maxPreparations = 4;

export const closed = refuse('gate_unavailable', { retryAfterSeconds: 1 });
