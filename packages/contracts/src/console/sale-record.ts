import {
  ceilingOf,
  type LedgerSale,
  type RefusalCode,
  type ReservationStatus,
  reservationStatuses,
} from '@holdfast/core';
import { drawJson } from '../sale.ts';
import { isoTime, isoTimeOrNull } from '../text.ts';

/** Units or rows of one sale and status, counted in rows. `house`: withdrawn by the house. */
export interface StatusCount {
  status: ReservationStatus;
  house: boolean;
}

export interface SaleCounts {
  units: readonly (StatusCount & { sku: string; units: number })[];
  reservations: readonly (StatusCount & { reservations: number })[];
}

export type CountPerStatus = Record<ReservationStatus, number>;

/** A sale as merchants get it: terms, the ledger's counters and its rows counted per item and status. */
export function saleRecord(at: LedgerSale, counts: SaleCounts) {
  const { sale, cursor } = at;
  const items = sale.items.map(({ sku, name, description, imageUrl, priceMinor }) => {
    const counters = at.items.get(sku) ?? { stock: 0, returned: 0, taken: 0 };
    const withdrawn = at.withdrawn.get(sku) ?? 0;
    const units = zeroPerStatus();
    for (const count of counts.units)
      if (count.sku === sku && !count.house) units[count.status] += count.units;
    return {
      sku,
      name,
      description,
      imageUrl,
      priceMinor,
      stock: counters.stock - withdrawn,
      withdrawn,
      /** As the ledger has it: what stands in the intake is not taken off yet. */
      available: ceilingOf(counters) - counters.taken,
      held: units.held,
      confirmed: units.confirmed,
      /** Units per status. */
      counts: units,
    };
  });
  const reservations = zeroPerStatus();
  for (const count of counts.reservations) if (!count.house) reservations[count.status] += count.reservations;
  return {
    id: sale.id,
    name: sale.name,
    status: sale.status,
    opensAt: isoTimeOrNull(sale.opensAt),
    closesAt: isoTimeOrNull(sale.closesAt),
    holdSeconds: sale.holdSeconds,
    perBuyerLimit: sale.perBuyerLimit,
    currency: sale.currency,
    waitlist: sale.waitlist,
    extension: sale.extension,
    challenge: sale.challenge ?? null,
    soldOut: items.every((item) => item.available === 0),
    shard: sale.shard,
    createdAt: isoTime(sale.createdAt),
    termsVersion: sale.termsVersion,
    items,
    /** Reservations per status. */
    counts: reservations,
    /** The draw of the lobby: what of it is public; null without one. */
    draw: drawJson(sale.draw ?? null),
    /** The journal's end, by which its export can be checked. */
    journal: { count: cursor.position, head: cursor.head },
  };
}

/** How many were refused, by reason: at the gate, where they only count, and by the ledger, where each has its row. */
export function refusalRecord(
  refused: ReadonlyMap<RefusalCode, number>,
  rejected: ReadonlyMap<RefusalCode, number>,
) {
  return { refusals: Object.fromEntries(refused), rejections: Object.fromEntries(rejected) };
}

export function zeroPerStatus(): CountPerStatus {
  return Object.fromEntries(reservationStatuses.map((status) => [status, 0])) as CountPerStatus;
}
