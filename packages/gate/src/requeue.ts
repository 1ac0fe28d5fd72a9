import type { Refusal, Ticket } from '@holdfast/core';
import type { Acknowledged } from './acknowledged.ts';
import type { Admission, Prepared } from './admission.ts';
import type { KnownSale } from './sale-reader.ts';

export interface RequeueParts {
  acknowledged: Acknowledged;
  lookUp(saleId: string): Promise<KnownSale | Refusal>;
  read(ticketId: string): Promise<{ kind: 'ticket'; ticket: Ticket } | Refusal>;
  /** Gives them their place again, in this order; an answer for each. */
  send(saleId: string, sale: KnownSale, batch: Prepared[]): Promise<Admission[]>;
  onRequeued(saleId: string, tickets: number): void;
  onError?: ((error: Error) => void) | undefined;
}

export interface Requeue {
  /** Looks at once at what this sale's gate has: it may be another than the one that gave the tickets. */
  look(saleId: string): void;
  close(): void;
}

/** So long a ticket is left to the news, which tells most of them within milliseconds. */
const restMs = 2_000;
const everyMs = 1_000;
/** What was asked for is tried again so soon while the gate cannot be read: the last of a shard's gates opens them all. */
const againMs = 100;
/** A pass over much is followed by a longer rest, so that looking takes a tenth of the edge's time; but never by a long one. */
const restPerPass = 10;
const longestRestMs = 10_000;
/** Tickets that are looked at together. */
const pieceSize = 64;

/**
 * Looks after what the edge acknowledged. A ticket that the gate shows decided is forgotten here; one that a whole gate
 * does not know is queued again under its own id. Neither an epoch nor a cursor would tell: an old master gives the same
 * numbers as its successor.
 */
export function createRequeue(parts: RequeueParts): Requeue {
  const { acknowledged } = parts;
  const under = new Set<string>();
  const wanted = new Set<string>();
  let closed = false;
  let again: NodeJS.Timeout | undefined;
  let timer = setTimeout(lookAround, everyMs).unref();

  async function lookAround(): Promise<void> {
    const startedAt = performance.now();
    const idle = acknowledged.sales().filter((saleId) => !under.has(saleId));
    await Promise.all(idle.map((saleId) => lookAfter(saleId, restMs)));
    if (closed) return;
    const tookMs = performance.now() - startedAt;
    timer = setTimeout(lookAround, Math.min(longestRestMs, Math.max(everyMs, tookMs * restPerPass))).unref();
  }

  async function lookAfter(saleId: string, olderThanMs: number): Promise<void> {
    under.add(saleId);
    let isRead = false;
    try {
      isRead = await lookOnce(saleId, acknowledged.of(saleId, olderThanMs));
    } catch (error) {
      if (!closed) parts.onError?.(error as Error);
    }
    under.delete(saleId);
    if (olderThanMs === 0 && !isRead) later(saleId);
    else if (wanted.delete(saleId)) look(saleId);
  }

  function look(saleId: string): void {
    if (closed || !acknowledged.sales().includes(saleId)) return;
    if (under.has(saleId)) wanted.add(saleId);
    else void lookAfter(saleId, 0);
  }

  function later(saleId: string): void {
    wanted.add(saleId);
    again ??= setTimeout(() => {
      again = undefined;
      for (const one of [...wanted]) if (!under.has(one) && wanted.delete(one)) look(one);
    }, againMs).unref();
  }

  /** False when the gate could not be read. */
  async function lookOnce(saleId: string, tickets: readonly Prepared[]): Promise<boolean> {
    if (tickets.length === 0) return true;
    const sale = await parts.lookUp(saleId);
    if ('kind' in sale) return sale.code !== 'gate_unavailable';
    let isRead = true;
    for (let start = 0; start < tickets.length && !closed; start += pieceSize) {
      const piece = tickets.slice(start, start + pieceSize);
      const reads = await Promise.all(piece.map(({ ticketId }) => parts.read(ticketId)));
      const lost: Prepared[] = [];
      for (const [index, read] of reads.entries()) {
        const prepared = piece[index] as Prepared;
        if (read.kind === 'ticket' && isDecided(read.ticket, sale))
          acknowledged.forget(saleId, prepared.ticketId);
        if (read.kind === 'refused' && read.code === 'unknown_ticket') lost.push(prepared);
        if (read.kind === 'refused' && read.code === 'gate_unavailable') isRead = false;
      }
      if (lost.length > 0) await queueAgain(saleId, sale, lost);
    }
    return isRead;
  }

  async function queueAgain(saleId: string, sale: KnownSale, lost: Prepared[]): Promise<void> {
    const answers = await parts.send(saleId, sale, lost);
    let requeued = 0;
    for (const [index, answer] of answers.entries()) {
      if (answer.kind === 'admitted') requeued++;
      // By the same key its buyer has another one, and was told so.
      if (answer.kind === 'again') acknowledged.forget(saleId, (lost[index] as Prepared).ticketId);
    }
    if (requeued > 0) parts.onRequeued(saleId, requeued);
  }

  return {
    look,
    close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(again);
    },
  };
}

/** The ledger has it: not because the gate says what it was, but because of what only a commit makes of it. */
function isDecided({ status, seq, receipt }: Ticket, sale: KnownSale): boolean {
  if (status !== 'queued' && status !== 'lobby') return true;
  const isOfThisGate = receipt.startsWith(`${sale.epoch}.`);
  return status === 'lobby' && (!isOfThisGate || seq <= sale.cursor);
}
