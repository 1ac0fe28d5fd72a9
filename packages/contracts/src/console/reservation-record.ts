import { type JournalEvent, type Reservation, totalMinor } from '@holdfast/core';
import { isoTime, isoTimeOrNull } from '../text.ts';
import { csvLine } from './csv.ts';

/** A reservation as operators get it: the row in the ledger. */
export function reservationRecord(reservation: Reservation) {
  const { ticketId, saleId, status, version, epoch, seq, buyerId, lines, paymentRef, reason, extensions } =
    reservation;
  return {
    id: ticketId,
    saleId,
    status,
    version,
    epoch,
    seq,
    buyerId,
    /** A withdrawal of the house. */
    house: buyerId === '',
    lines,
    totalMinor: totalMinor(lines),
    reservedAt: isoTime(reservation.reservedAt),
    expiresAt: isoTimeOrNull(reservation.expiresAt),
    confirmedAt: isoTimeOrNull(reservation.confirmedAt),
    paymentRef,
    reason,
    extensions,
    receipt: `${epoch}.${seq}.${reservation.tip}`,
  };
}

export const reservationCsvHead = csvLine([
  'id',
  'status',
  'epoch',
  'seq',
  'buyerId',
  'sku',
  'quantity',
  'unitPriceMinor',
  'totalMinor',
  'currency',
  'reservedAt',
  'expiresAt',
  'confirmedAt',
  'paymentRef',
  'reason',
]);

/** One line of CSV per line of the reservation. */
export function reservationCsv(reservation: Reservation, currency: string): string {
  const { ticketId, status, epoch, seq, buyerId, lines, reservedAt, expiresAt, confirmedAt } = reservation;
  return lines
    .map(({ sku, quantity, unitPriceMinor }) =>
      csvLine([
        ticketId,
        status,
        epoch,
        seq,
        buyerId,
        sku,
        quantity,
        unitPriceMinor,
        quantity * unitPriceMinor,
        currency,
        isoTime(reservedAt),
        isoTimeOrNull(expiresAt),
        isoTimeOrNull(confirmedAt),
        reservation.paymentRef,
        reservation.reason,
      ]),
    )
    .join('');
}

/** An event of a ticket's story. */
export function eventRecord(event: JournalEvent) {
  const { position, type, commandId, data, at, hash } = event;
  return { position, type, at: isoTime(at), commandId, data, hash };
}
