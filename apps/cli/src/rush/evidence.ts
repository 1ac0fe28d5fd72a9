import type { Acknowledgements } from './plan.ts';

/** What the crowd was told: one entry for every ticket that an edge acknowledged. */
interface Promised {
  sentAtMs: number;
  receivedAtMs: number;
  seq: number;
  /** From the receipt; 0 when it says none. */
  epoch: number;
  /** The buyer has the edge's word that it is paid for. */
  confirmed: boolean;
}

export type Evidence = Map<string, Promised>;

export function addAcknowledged(evidence: Evidence, batch: Acknowledgements): void {
  batch.ticketIds.forEach((ticketId, index) => {
    if (evidence.has(ticketId)) return;
    evidence.set(ticketId, {
      sentAtMs: batch.sentAtMs[index] ?? 0,
      receivedAtMs: batch.receivedAtMs[index] ?? 0,
      seq: batch.seqs[index] ?? 0,
      epoch: Number.parseInt(batch.receipts[index] ?? '', 10) || 0,
      confirmed: false,
    });
  });
}

export function addConfirmed(evidence: Evidence, ticketIds: readonly string[]): void {
  for (const ticketId of ticketIds) {
    const promised = evidence.get(ticketId);
    if (promised !== undefined) promised.confirmed = true;
  }
}
