import { createHmac, randomBytes } from 'node:crypto';
import type { Cursor, NewEvent, Refusal, RunLedger, Sale, WorkerGate } from '@holdfast/core';

/** A call with an Idempotency-Key: the same key is carried out once. `key` includes what it was sent to. */
export interface DeskRequest {
  key: string;
  fingerprint: string;
}

/** `repeated`: this request was carried out before. Both mean that every edge sees the sale as the ledger has it. */
export type DeskAnswer = { kind: 'done' | 'repeated'; saleId: string } | Refusal;

interface DeskChange {
  sale: Sale;
  restocked: ReadonlyMap<string, number>;
  event: NewEvent;
  seed?: string | undefined;
  request: DeskRequest | null;
}

/** What the desk asks of the ledger. */
export interface DeskLedger
  extends Pick<RunLedger, 'readSale' | 'readReservations' | 'nextDeadline' | 'openHolds' | 'commitRun'> {
  createSale(
    sale: Sale,
    stock: ReadonlyMap<string, number>,
    event: NewEvent,
    request: DeskRequest | null,
  ): Promise<boolean>;
  changeSale(read: Cursor, change: DeskChange): Promise<'changed' | 'busy' | 'stale' | 'repeated'>;
  readRequest(key: string): Promise<{ fingerprint: string } | null>;
}

export interface DeskParts {
  ledger: DeskLedger;
  gate: Pick<WorkerGate, 'peek' | 'withdraw' | 'command' | 'isBooted'>;
  /** Runs the commit run until the intake is at its end and the gate has applied the whole journal. */
  committer: { commitSale(saleId: string): Promise<unknown> };
  /** The shard that the gate looks for a sale in. */
  shardOf(saleId: string): string;
  /** Makes the ticket ids of withdrawals unguessable; any text that the replicas of the console share. */
  secret: string;
  log: { warn(fields: object, message: string): void };
  now?: () => number;
}

/** The gap between two runs is a few milliseconds: who waits longer misses it again and again. */
export const retryPauseMs = 4;
export const pauseMs = 20;

export function happened(type: NewEvent['type'], data: NewEvent['data'], at: number): NewEvent {
  return { type, ticketId: null, commandId: null, data, at };
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Letters and digits that nobody can guess: random, or for a request with a key the same ones each time. */
export function secretFor(parts: DeskParts, request: DeskRequest | null, length: number): string {
  const bytes =
    request === null ? randomBytes(32) : createHmac('sha256', parts.secret).update(request.key).digest();
  let number = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  while (text.length < length) {
    text += alphabet[Number(number % 62n)];
    number /= 62n;
  }
  return text;
}

export function timeOf(parts: DeskParts): number {
  return (parts.now ?? Date.now)();
}

/** By the gate's own clock, which may be behind this process's. */
export async function gateTime({ gate }: DeskParts, saleId: string): Promise<number> {
  return (await gate.peek([saleId])).get(saleId)?.now ?? Number.POSITIVE_INFINITY;
}
