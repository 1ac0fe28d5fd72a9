import { randomBytes } from 'node:crypto';
import type { RunLedger, WorkerGate } from '@holdfast/core';

/**
 * Brings the tickets of large sales back to gates that were opened without them, page by page, beside everything else.
 * Where it is stands at the gate, so that another worker goes on when this one dies; a rebuild that comes meanwhile begins
 * it anew.
 */
export interface Restorer {
  /** Sees to it, unless it is at it already; returns at once. */
  begin(saleId: string, epoch: number, from: string): void;
  close(): Promise<void>;
}

interface RestorerParts {
  ledger: Pick<RunLedger, 'restorePage'>;
  gate: Pick<WorkerGate, 'restore'>;
}

/** A page whose tickets change faster than it can be written is left to the next sweep. */
const maxAgain = 20;

export function createRestorer(parts: RestorerParts, onError?: (error: Error) => void): Restorer {
  const worker = randomBytes(8).toString('hex');
  const under = new Map<string, Promise<void>>();
  let closed = false;

  async function restoreSale(saleId: string, epoch: number, begin: string): Promise<void> {
    // Who is at it is said before anything is read, or every worker would read the same page.
    const claim = { from: begin, to: begin, asOf: 0, reservations: [] };
    if ((await parts.gate.restore(saleId, epoch, claim, worker)) !== 'restored') return;
    let from: string | null = begin;
    let again = 0;
    while (from !== null && !closed && again < maxAgain) {
      const page = await parts.ledger.restorePage(saleId, epoch, from);
      const answer = await parts.gate.restore(saleId, epoch, page, worker);
      if (answer === 'moved' || answer === 'busy') return;
      again = answer === 'again' ? again + 1 : 0;
      if (answer === 'restored') from = page.to;
    }
  }

  return {
    begin(saleId, epoch, from) {
      if (closed || under.has(saleId)) return;
      const work = restoreSale(saleId, epoch, from)
        .catch((error: unknown) => onError?.(error as Error))
        .finally(() => under.delete(saleId));
      under.set(saleId, work);
    },
    async close() {
      closed = true;
      await Promise.all(under.values());
    },
  };
}
