import type { Spread } from './histogram.ts';
import type { Address } from './wire.ts';

/** What a buyer wants; `share` weighs it against the other baskets of the crowd. */
export interface Basket {
  share: number;
  lines: { sku: string; quantity: number }[];
}

/** Everything the crowd's process is told. Shares are 0 to 1. */
export interface CrowdPlan {
  edges: Address[];
  saleId: string;
  /** Tells the requests of two rushes on one sale apart. */
  runId: string;
  /** Goes into every buyer id: two rushes on one sale are different people, unless they are told otherwise. */
  crowd: string;
  /** Requests that one buyer sends at once; each is one of the `buyers` below. */
  atOnce: number;
  /** The same seed makes the same people with the same wishes. */
  seed: number;
  buyers: number;
  baskets: Basket[];
  /** Units in the whole sale: once they are all paid for, nobody comes back. */
  stockUnits: number;
  arrivals:
    | { kind: 'closed'; concurrency: number }
    /** Buyers come at `perSecond` whether or not the ones before have been answered. */
    | { kind: 'open'; perSecond: number; durationSeconds: number };
  /** How often a buyer comes back after `sold_out`, the first time included. */
  tries: number;
  /** About how long a refused buyer stays away. */
  comeBackSeconds: number;
  /** Share of stock reads among stock reads and reservations. */
  readShare: number;
  /** Share of holders who confirm; the others walk away and let the hold lapse. */
  confirmShare: number;
  /** Share of ticket holders who watch an event stream; the others poll. */
  streamShare: number;
  /** Share of buyers who send an Idempotency-Key, and so always reach the gate's script. */
  keyShare: number;
}

/** Acknowledged tickets, in columns: a million objects would weigh ten times as much. */
export interface Acknowledgements {
  ticketIds: string[];
  /** `<epoch>.<seq>.<tip>`. */
  receipts: string[];
  seqs: number[];
  /** When the request was first sent, and when it was first answered; milliseconds of one clock. */
  sentAtMs: number[];
  receivedAtMs: number[];
}

export interface CrowdProgress {
  arrived: number;
  gone: number;
  answers: number;
  tickets: number;
  held: number;
  confirmed: number;
  confirmedUnits: number;
  soldOut: number;
  errors: number;
}

export interface CrowdReport extends CrowdProgress {
  /** Answers by what was asked, status and code: `reserve 409 sold_out`. */
  answersByKind: Record<string, number>;
  /** What went wrong after all retries, by kind. */
  errorsByKind: Record<string, number>;
  left: number;
  elapsedMs: number;
  /** From the gun to the last answer to a first try. */
  firstRoundMs: number;
  answerTime: { reserve: Spread; read: Spread; poll: Spread; confirm: Spread };
  /** From the 202 to the moment the buyer saw the hold. A poller's includes waiting for the next poll. */
  holdTime: { stream: Spread; poll: Spread };
  /** From the gun until the last hold was seen: of those who came for the first time, and of all. */
  lastHoldMs: { firstTries: number; all: number };
  /** The crowd's own, from the gun on. */
  cpuMs: number;
}

/** What the orchestrator and the crowd tell each other. */
export type ToCrowd = { kind: 'go'; plan: CrowdPlan } | { kind: 'stop' };
export type FromCrowd =
  | { kind: 'ready' }
  | { kind: 'progress'; progress: CrowdProgress }
  | { kind: 'acknowledged'; batch: Acknowledgements }
  /** Tickets whose buyer has the edge's word that they are confirmed. */
  | { kind: 'confirmed'; ticketIds: string[] }
  | { kind: 'done'; report: CrowdReport }
  | { kind: 'failed'; reason: string };
