import type { Counters } from './sale.ts';

/**
 * What a repair mends. `leak`: units that the gate gave and that are in no entry; `low_ceiling`: the gate offers less than
 * the ledger has; `taken_without_row`: units that the ledger counts as taken and that no row has; `row_without_taken`: the
 * other way round; `gate_too_high`: a gate that offers more than there is.
 */
export type RepairKind = 'leak' | 'low_ceiling' | 'taken_without_row' | 'row_without_taken' | 'gate_too_high';

/** Units of one item that are to be mended, 1 or more. */
export interface Mending {
  sku: string;
  kind: RepairKind;
  units: number;
}

/** An item's counters as the gate has them. */
export interface GateItem {
  sku: string;
  ceiling: number;
  admitted: number;
}

/**
 * What of the gate does not follow from the ledger, item by item; nothing when they agree. `items` are the ledger's
 * counters at its cursor, `gate` the gate's at one later instant, at which it had applied exactly the journal that the
 * ledger had written, and `inIntake` the units of all entries from that cursor to that instant. No correct step changes
 * either difference, whatever is under way: a script of the gate moves `admitted` and the intake by the same units, a
 * transaction of the ledger moves `taken` by those of the entries that its cursor passes, and a settlement moves the
 * ceiling with the journal.
 */
export function compareCounters(
  items: ReadonlyMap<string, Counters>,
  gate: readonly GateItem[],
  inIntake: ReadonlyMap<string, number>,
): Mending[] {
  const mendings: Mending[] = [];
  for (const { sku, ceiling, admitted } of gate) {
    const counters = items.get(sku);
    if (counters === undefined) continue;
    const leaked = admitted - (inIntake.get(sku) ?? 0) - counters.taken;
    const missing = counters.stock + counters.returned - ceiling;
    const tooMany = Math.max(0, -leaked) + Math.max(0, -missing);
    if (tooMany > 0) mendings.push({ sku, kind: 'gate_too_high', units: tooMany });
    if (leaked > 0) mendings.push({ sku, kind: 'leak', units: leaked });
    if (missing > 0) mendings.push({ sku, kind: 'low_ceiling', units: missing });
  }
  return mendings;
}
