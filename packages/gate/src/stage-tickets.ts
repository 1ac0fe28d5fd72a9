import { isFinal, type Reservation } from '@holdfast/core';
import type { SaleKeys } from './keys.ts';
import { pieces } from './pieces.ts';
import { recordOf } from './ticket-record.ts';

/** Tickets that one script handles. */
const pieceSize = 200;

/** One numbered piece of the stage; false when a newer rebuild has begun, or Redis lost the piece before it. */
export type Stage = (
  script: 'stage-tickets' | 'stage-entries',
  names: readonly string[],
  args: readonly (string | number)[],
) => Promise<boolean>;

/** One after the other: a piece that is sent again must not come behind a later one. */
export async function stageTickets(
  stage: Stage,
  keys: SaleKeys,
  epoch: number,
  reservations: readonly Reservation[],
  retentionMs: number,
): Promise<boolean> {
  for (const piece of pieces(reservations, pieceSize)) {
    const names = [keys.staged(epoch).buyers];
    const args: (string | number)[] = [];
    for (const reservation of piece) {
      names.push(keys.ticket(reservation.ticketId));
      const retention = isFinal(reservation.status) ? retentionMs : '';
      args.push(reservation.buyerId, retention, recordOf(reservation, epoch));
    }
    if (!(await stage('stage-tickets', names, args))) return false;
  }
  return true;
}
