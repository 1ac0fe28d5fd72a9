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
  const timer = setInterval(() => {
    for (const saleId of acknowledged.sales()) void lookAfter(saleId, restMs);
  }, everyMs);
  timer.unref();

  async function lookAfter(saleId: string, olderThanMs: number): Promise<void> {
    if (closed || under.has(saleId)) return;
    under.add(saleId);
    try {
      await lookOnce(saleId, acknowledged.of(saleId, olderThanMs));
    } catch (error) {
      if (!closed) parts.onError?.(error as Error);
    } finally {
      under.delete(saleId);
      if (wanted.delete(saleId)) void lookAfter(saleId, 0);
    }
  }

  async function lookOnce(saleId: string, tickets: readonly Prepared[]): Promise<void> {
    if (tickets.length === 0) return;
    const sale = await parts.lookUp(saleId);
    if ('kind' in sale) return;
    for (let start = 0; start < tickets.length && !closed; start += pieceSize) {
      const piece = tickets.slice(start, start + pieceSize);
      const reads = await Promise.all(piece.map(({ ticketId }) => parts.read(ticketId)));
      const lost: Prepared[] = [];
      for (const [index, read] of reads.entries()) {
        const prepared = piece[index] as Prepared;
        if (read.kind === 'ticket' && isDecided(read.ticket, sale))
          acknowledged.forget(saleId, prepared.ticketId);
        if (read.kind === 'refused' && read.code === 'unknown_ticket') lost.push(prepared);
      }
      if (lost.length > 0) await queueAgain(saleId, sale, lost);
    }
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
    look(saleId) {
      if (!acknowledged.sales().includes(saleId)) return;
      if (under.has(saleId)) wanted.add(saleId);
      else void lookAfter(saleId, 0);
    },
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}

/** The ledger has it: not because the gate says what it was, but because of what only a commit makes of it. */
function isDecided({ status, seq, receipt }: Ticket, sale: KnownSale): boolean {
  if (status !== 'queued' && status !== 'lobby') return true;
  const isOfThisGate = receipt.startsWith(`${sale.epoch}.`);
  return status === 'lobby' && (!isOfThisGate || seq <= sale.cursor);
}
