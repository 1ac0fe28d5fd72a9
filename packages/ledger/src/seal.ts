import { createCipheriv, hash, randomBytes } from 'node:crypto';
import type { EventData, JournalEvent, NewEvent, RunResult } from '@holdfast/core';

/** An event as the journal takes it. `opening` stands beside it, is in no hash and no export, and can be forgotten. */
export interface SealedEvent extends NewEvent {
  opening: string | null;
}

/**
 * What an event says of a person is sealed before it is chained. Who bought and what was paid with become SHA-256 under
 * a key of 128 random bits, which every such event has for itself; a buyer's command, whose id follows from what the
 * buyer sent, is called by such a digest too. So the journal proves, to whoever is shown the key, whose place it was; it
 * confirms no guess; and when the key is forgotten nobody can ever ask again. One secret for a whole sale could not
 * forget one buyer without the others.
 *
 * The keys of a run follow from one, the run's, which is all that is stored: a key beside each event cost a tenth of the
 * rate. Only an erasure writes them out, for the others of that run, and then forgets the run's.
 */
export function sealEvents(
  { events, inserted }: Pick<RunResult, 'events' | 'inserted'>,
  runKey: Buffer = newRunKey(),
): SealedRun {
  const buyers = new Map<string, string>();
  for (const { ticketId, buyerId } of inserted) buyers.set(ticketId, buyerId);
  const keys = keysOf(runKey, events.length);
  return {
    runKey: inserted.length > 0 ? runKey.toString('base64url') : null,
    events: events.map((event, index) => sealed(event, buyers, keys(index))),
  };
}

export interface SealedRun {
  events: SealedEvent[];
  /** Null when it brought nobody. */
  runKey: string | null;
}

const keyBytes = 16;
const keyLength = 22;
const fromZero = Buffer.alloc(16);

function newRunKey(): Buffer {
  return randomBytes(keyBytes);
}

/** The keys of a run's first events: what its key enciphers nothing to. */
export function keysOf(runKey: Buffer, events: number): (index: number) => string {
  const bytes = createCipheriv('aes-128-ctr', runKey, fromZero).update(Buffer.alloc(events * keyBytes));
  return (index) => bytes.toString('base64url', index * keyBytes, (index + 1) * keyBytes);
}

/** The event that brought a buyer's reservation into the ledger. */
const arrivals = new Set<NewEvent['type']>(['held', 'waitlisted', 'rejected', 'joined']);
const buyersCommand = /^(?:confirm|cancel|extend)\./;

function sealed(event: NewEvent, buyers: ReadonlyMap<string, string>, key: string): SealedEvent {
  const { type, ticketId, commandId, data, at } = event;
  // Whoever arrives says what for; the place that a draw gives comes without lines.
  if (data.lines !== undefined && ticketId !== null && arrivals.has(type)) {
    const buyerId = buyers.get(ticketId);
    if (buyerId !== undefined) {
      const told = { ...data, buyer: sealOf(key, buyerId) };
      return { type, ticketId, commandId, data: told, at, opening: null };
    }
  }
  const command = commandId === null ? null : buyersCommand.exec(commandId);
  if (command === null && data.paymentRef === undefined) return { ...event, opening: null };
  // Payments are few, and the ledger must be able to read them: each has its own key beside it.
  const own = randomBytes(keyBytes).toString('base64url');
  const { paymentRef, ...rest } = data;
  return {
    type,
    ticketId,
    commandId: command === null ? commandId : `${command[0]}${sealOf(own, commandId ?? '')}`,
    data: paymentRef === undefined ? rest : { ...rest, payment: sealOf(own, paymentRef) },
    at,
    opening: paymentRef === undefined ? null : `${own} ${paymentRef}`,
  };
}

/** 132 bits of SHA-256. The keys have one length, so there is no other way to divide the text. */
export function sealOf(key: string, value: string): string {
  return hash('sha256', `${key}${value}`, 'base64url').slice(0, keyLength);
}

/** What was stored, as the ledger may know it: with the payment, unless it was forgotten. */
export function openedData(text: string, opening: string | null): JournalEvent['data'] {
  const data = JSON.parse(text) as EventData;
  if (data.payment === undefined || opening === null) return data;
  const { payment: _, ...rest } = data;
  return { ...rest, paymentRef: opening.slice(keyLength + 1) };
}
