import { isFinal, type Reservation, type RestoreAnswer, type RestorePage } from '@holdfast/core';
import type { SaleKeys } from './keys.ts';
import { pieces } from './pieces.ts';
import type { RunScript } from './scripts.ts';
import { recordOf } from './ticket-record.ts';

const pieceSize = 200;
/** Whoever brings tickets back and is silent for so long is taken for dead. */
const leaseMs = 3_000;

/**
 * Brings one page of tickets back to a gate that was opened without them. All of its pieces but the last leave the gate
 * where it is, so a page that was written in part is written again.
 */
export async function restore(
  run: RunScript,
  keys: SaleKeys,
  epoch: number,
  page: RestorePage,
  { worker, retentionMs }: { worker: string; retentionMs: number },
): Promise<RestoreAnswer> {
  const send = (reservations: readonly Reservation[], to: string) => {
    const names = [keys.sale, keys.buyers, keys.moved];
    const args: (string | number)[] = [epoch, page.from, to, page.asOf, worker, leaseMs];
    for (const reservation of reservations) {
      names.push(keys.ticket(reservation.ticketId));
      args.push(
        reservation.buyerId,
        isFinal(reservation.status) ? retentionMs : '',
        recordOf(reservation, epoch),
      );
    }
    return run('restore', names, args) as Promise<RestoreAnswer>;
  };
  const parts = pieces(page.reservations, pieceSize);
  const last = parts.pop() ?? [];
  for (const answer of await Promise.all(parts.map((part) => send(part, page.from))))
    if (answer !== 'restored') return answer;
  return send(last, page.to ?? '');
}
