import { createHash } from 'node:crypto';
import { type CommandRequest, makeTicketId } from '@holdfast/core';
import { customAlphabet } from 'nanoid';

/** 22 letters and digits from the system's secure source: 131 bits. */
const secret = customAlphabet('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', 22);

export function newTicketId(shard: string, saleId: string): string {
  return makeTicketId(shard, saleId, secret());
}

/** The same call has the same id: by its Idempotency-Key, else by its content. */
export function commandIdOf({ kind, idempotencyKey, paymentRef, seconds }: CommandRequest): string {
  const sameness = idempotencyKey === null ? ['content', paymentRef, seconds] : ['key', idempotencyKey];
  return `${kind}.${digest(JSON.stringify(sameness))}`;
}

/** What a reservation asked for, whatever the order of its lines. */
export function fingerprintOf(lines: readonly { sku: string; quantity: number }[]): string {
  return digest(JSON.stringify(lines.map((line) => [line.sku, line.quantity]).sort()));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
