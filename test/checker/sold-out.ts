/**
 * I6. A unit is free from when it came back until the gate gave it again, which a row says by its gate time. So who was
 * told `sold_out` while enough units had been free for all of the ten seconds before was told something untrue.
 */
import { codeIn, type Context, wishOf } from './answer.ts';
import type { GateAtRest, Operation, Wish } from './evidence.ts';
import type { FreeUnits } from './ledger.ts';
import { wishText } from './ticket.ts';

export interface SoldOut {
  follow(operation: Operation): void;
  end(gate: GateAtRest | null): void;
}

const freeForMs = 10_000;

export function createSoldOut({ sale, ledger, faults, findings }: Context): SoldOut {
  const timelines = new Map<string, Timeline>();

  return {
    follow({ op, lines, sentAt, answeredAt, status, body, ...rest }) {
      if (answeredAt === null) return;
      if (op !== 'sale') {
        const operation = { op, lines, sentAt, answeredAt, status, body, ...rest };
        if (status === 409 && codeIn(operation) === 'sold_out')
          judge(wishOf(sale, lines), sentAt, answeredAt);
        return;
      }
      if (status !== 200 || body === null || sale.waitlist) return;
      for (const { sku, available } of (body as { items?: { sku: string; available: number }[] }).items ??
        []) {
        const stock = ledger.stock.get(sku) ?? 0;
        findings.looked('I1');
        if (available > stock)
          findings.broken('I1', `${available} ${sku} were shown as available, of ${stock}.`);
        if (available === 0 && ledger.status !== 'draft') judge([[sku, 1]], sentAt, answeredAt);
      }
    },
    end(gate) {
      soldToTheLast();
      if (gate !== null) nobodyWaitsForNothing(gate);
    },
  };

  function judge(lines: Wish, sentAt: number, answeredAt: number): void {
    const free = lines.every(([sku, quantity]) =>
      timeline(sku).alwaysFree(quantity, sentAt - freeForMs, answeredAt),
    );
    if (!free || lines.length === 0) {
      findings.looked('I6');
      return;
    }
    const from = sentAt - freeForMs;
    if (!faults.disturbed(from, answeredAt))
      findings.tooLate(
        'I6',
        from,
        answeredAt,
        `who asked for ${wishText(lines)} was told sold out at ${Math.round(answeredAt)}, and they had been free for 10 s.`,
      );
  }

  function timeline(sku: string): Timeline {
    let found = timelines.get(sku);
    if (found === undefined) {
      found = timelineOf(ledger.free.get(sku));
      timelines.set(sku, found);
    }
    return found;
  }

  function soldToTheLast(): void {
    if (!sale.closedAtRest || !sale.demandWasEnough) return;
    for (const [sku, stock] of ledger.stock) {
      const out = ledger.out.get(sku) ?? 0;
      findings.looked('I6');
      if (out < stock)
        findings.broken(
          'I6',
          `${sale.saleId} is closed, more than enough was asked for, and ${stock - out} of ${stock} ${sku} are not sold.`,
        );
    }
  }

  /** At rest nobody waits for what the gate has. */
  function nobodyWaitsForNothing(gate: GateAtRest): void {
    if (gate.intake.length > 0 || gate.journal !== ledger.events) return;
    for (const { id, state, lines } of ledger.tickets.values()) {
      if (state !== 'waitlisted') continue;
      findings.looked('I6');
      const fits = lines.every(([sku, quantity]) => {
        const item = gate.items[sku];
        return item !== undefined && item.ceiling - item.admitted >= quantity;
      });
      if (fits)
        findings.broken('I6', `ticket ${id} waits for ${wishText(lines)} at the end, and the gate has them.`);
    }
  }
}

interface Timeline {
  alwaysFree(units: number, from: number, to: number): boolean;
}

function timelineOf(free: FreeUnits | undefined): Timeline {
  const order = Array.from(free?.times ?? [], (_, index) => index).sort(
    (left, right) => (free?.times[left] as number) - (free?.times[right] as number),
  );
  const times: number[] = [];
  const units: number[] = [];
  let sum = 0;
  for (const index of order) {
    sum += free?.steps[index] as number;
    times.push(free?.times[index] as number);
    units.push(sum);
  }
  return {
    /** Looks back from the end; where nothing is free, which is the usual case, that is one look. */
    alwaysFree(wanted, from, to) {
      let index = lastUpTo(times, to);
      for (; index >= 0; index -= 1) {
        if ((units[index] as number) < wanted) return false;
        if ((times[index] as number) <= from) return true;
      }
      return false;
    },
  };
}

/** The last place whose time is not after `time`; -1 without one. */
function lastUpTo(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
