import type { Fault } from './evidence.ts';

/** What the nemesis did, asked by time. */
export interface Faults {
  /** Stores and workers were not all there at some instant of this span, or had only just come back. */
  disturbed(from: number, to: number): boolean;
  /** Something may have hit a gate's memory in this span. */
  gateHit(from: number, to: number): boolean;
  /** A store may have lost what it had acknowledged at some instant of this span; any time without arguments. */
  lost(from?: number, to?: number): boolean;
  /** When the last of these losses was over: what was sent after it is not lost. Before all times without one. */
  lastLoss: number;
  /** The ledger is among those that may have lost something. */
  ledgerLost: boolean;
}

/** After a fault is over: clients connect again, another worker takes over (3 s at most), what piled up is decided. */
const recoveryMs = 10_000;

/** These hold up nobody but those who talk to them. The console is none of them: it runs commits of its own. */
const harmlessTargets = /^(edge|client|buyer|storefront|webhook)/i;
/** A line to a store, like `worker 1 > redis`, loses nothing of what is in it. */
const gateTargets = /^(redis|gate|store|all|box|machine|sentinel|cluster)/i;

const ledgerTargets = /^(postgres|ledger|database|all|box|machine)/i;

export function createFaults(faults: readonly Fault[]): Faults {
  const disturbing = spansOf(
    faults.filter(({ target }) => !harmlessTargets.test(target)),
    recoveryMs,
  );
  const hitting = spansOf(
    faults.filter(({ target, losesAcknowledged }) => losesAcknowledged === true || gateTargets.test(target)),
    recoveryMs,
  );
  const losing = spansOf(
    faults.filter(({ losesAcknowledged }) => losesAcknowledged === true),
    recoveryMs,
  );
  return {
    disturbed: (from, to) => overlaps(disturbing, from, to),
    gateHit: (from, to) => overlaps(hitting, from, to),
    lost: (from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY) => overlaps(losing, from, to),
    lastLoss: faults.reduce(
      (last, { at, until, losesAcknowledged }) =>
        losesAcknowledged === true ? Math.max(last, until ?? at) : last,
      Number.NEGATIVE_INFINITY,
    ),
    ledgerLost: faults.some(
      ({ target, losesAcknowledged }) => losesAcknowledged === true && ledgerTargets.test(target),
    ),
  };
}

interface Spans {
  begins: number[];
  ends: number[];
}

/** Sorted, and merged where they touch. */
function spansOf(faults: readonly Fault[], afterMs: number): Spans {
  const begins: number[] = [];
  const ends: number[] = [];
  for (const { at, until } of faults.toSorted((left, right) => left.at - right.at)) {
    const end = (until ?? at) + afterMs;
    const last = ends.length - 1;
    if (last >= 0 && at <= (ends[last] as number)) ends[last] = Math.max(ends[last] as number, end);
    else {
      begins.push(at);
      ends.push(end);
    }
  }
  return { begins, ends };
}

function overlaps({ begins, ends }: Spans, from: number, to: number): boolean {
  let low = 0;
  let high = begins.length;
  // The first span that ends at `from` or later.
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] as number) < from) low = middle + 1;
    else high = middle;
  }
  return low < begins.length && (begins[low] as number) <= to;
}
