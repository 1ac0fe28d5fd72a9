/** One schedule: a small sale, what is done to it, and what breaks meanwhile. All of it follows from the seed. */
import { createRandom, type Random } from '../random.ts';
import type { FaultKind } from './simulated.ts';

export const skus = ['a', 'b'] as const;
export type Sku = (typeof skus)[number];
export type Wish = Partial<Record<Sku, number>>;

export const processNames = ['edge 1', 'edge 2', 'worker 1', 'worker 2', 'console'] as const;
export type ProcessName = (typeof processNames)[number];
export type EdgeName = 'edge 1' | 'edge 2';
export type WorkerName = 'worker 1' | 'worker 2';

export interface Terms {
  stock: Partial<Record<Sku, number>>;
  perBuyerLimit: number | null;
  waitlist: boolean;
  /** 0: a hold lapses a millisecond after it was made, by the gate's clock. */
  holdSeconds: number;
  extensions: number;
}

export interface Asking {
  buyer: number;
  wish: Wish;
  keyed: boolean;
}

/** `which` counts back from the newest ticket, or the newest request. */
export type Deed =
  | { do: 'reserve'; edge: EdgeName; asking: Asking[] }
  | { do: 'reserve again'; edge: EdgeName; which: number }
  | { do: 'confirm' | 'cancel' | 'extend'; edge: EdgeName; which: number; paid: boolean; keyed: boolean }
  | { do: 'tell again'; edge: EdgeName; which: number }
  | { do: 'read'; edge: EdgeName; which: number }
  | { do: 'look'; edge: EdgeName }
  | { do: 'commit' | 'sweep'; worker: WorkerName }
  | { do: 'restock' | 'withdraw'; sku: number; units: number }
  | { do: 'return' | 'refunded'; which: number }
  | { do: 'hold time'; seconds: number }
  | { do: 'limit'; units: number | null }
  | { do: 'pause' | 'resume' | 'close' | 'open' | 'more time' }
  | { do: 'empty the gate' | 'remember the gate' }
  | { do: 'set the gate back'; which: number }
  | { do: 'late deliveries' }
  | { do: 'thaw' | 'kill'; process: ProcessName };

export interface Step {
  /** Before the deed, so that it is the deed that meets it. */
  fault: { process: ProcessName; kind: FaultKind; at: number } | null;
  deed: Deed;
  /** The next deeds do not wait for this one. */
  beside: boolean;
}

export interface Schedule {
  seed: number;
  terms: Terms;
  steps: Step[];
  /** At the end: what is frozen is killed, not thawed. */
  killsFrozen: boolean;
  /** At the end: everything that is left is asked for. */
  sellsOut: boolean;
  closes: boolean;
}

export function scheduleOf(seed: number): Schedule {
  const random = createRandom(`schedule ${seed}`);
  const many = random.chance(0.5) ? 1 : 2;
  const terms: Terms = {
    stock: Object.fromEntries(skus.slice(0, many).map((sku) => [sku, random.whole(1, 4)])),
    perBuyerLimit: random.chance(0.5) ? random.whole(1, 3) : null,
    waitlist: random.chance(0.5),
    holdSeconds: random.chance(0.5) ? 0 : 3_600,
    extensions: random.whole(0, 2),
  };
  const steps: Step[] = [];
  for (const length = random.whole(8, 22); steps.length < length; ) {
    if (steps.length > 0 && random.chance(0.2)) steps.push(...motifOf(random, many));
    else steps.push(stepOf(random, deedOf(random, steps.length === 0, many)));
  }
  return {
    seed,
    terms,
    steps,
    killsFrozen: random.chance(0.5),
    sellsOut: random.chance(0.7),
    closes: random.chance(0.3),
  };
}

function stepOf(random: Random, deed: Deed): Step {
  return {
    fault: random.chance(0.25) ? faultOf(random, deed) : null,
    deed,
    beside: random.chance(0.3),
  };
}

/** Some things that hardly come about by chance, one deed after the other, with something else between them at times. */
function motifOf(random: Random, items: number): Step[] {
  const asking = askingOf(random, items);
  const reserve = (edge: EdgeName = 'edge 1'): Deed => ({ do: 'reserve', edge, asking });
  const commit = (worker: WorkerName = 'worker 1'): Deed => ({ do: 'commit', worker });
  const tell = (kind: 'confirm' | 'cancel', which = random.whole(0, 2)): Deed => ({
    do: kind,
    edge: 'edge 2',
    which,
    paid: true,
    keyed: random.chance(0.5),
  });
  const motifs: Deed[][] = [
    // A gate that forgets whom it had.
    [
      { do: 'remember the gate' },
      reserve(),
      commit(),
      { do: 'set the gate back', which: 0 },
      reserve('edge 2'),
      commit(),
    ],
    [
      reserve(),
      commit(),
      reserve(),
      { do: 'empty the gate' },
      { do: 'reserve again', edge: 'edge 1', which: 0 },
      { do: 'sweep', worker: 'worker 1' },
      reserve(),
    ],
    // More than there is, and what comes back.
    [
      reserve(),
      reserve(),
      reserve('edge 2'),
      commit(),
      tell('cancel'),
      commit('worker 2'),
      tell('cancel'),
      commit(),
    ],
    // Paid too late.
    [
      { do: 'hold time', seconds: 0 },
      reserve(),
      commit(),
      tell('confirm', 0),
      commit('worker 2'),
      reserve(),
      commit(),
    ],
    // Two who do the same.
    [
      reserve(),
      tell('cancel'),
      commit(),
      commit('worker 2'),
      tell('cancel'),
      commit('worker 2'),
      { do: 'thaw', process: 'worker 1' },
      commit(),
    ],
    // A rebuild, and who comes meanwhile.
    [
      { do: 'remember the gate' },
      reserve(),
      commit(),
      { do: 'set the gate back', which: 0 },
      reserve(),
      commit(),
      tell('confirm', 0),
      reserve('edge 2'),
      { do: 'thaw', process: 'worker 1' },
      commit('worker 2'),
    ],
  ];
  return random.pick(motifs).flatMap((deed) => {
    const step = { ...stepOf(random, deed), beside: random.chance(0.15) };
    return random.chance(0.15) ? [step, stepOf(random, deedOf(random, false, items))] : [step];
  });
}

/** Mostly of the process that is about to do something. */
function faultOf(random: Random, deed: Deed): Step['fault'] {
  const busy = 'edge' in deed ? deed.edge : 'worker' in deed ? deed.worker : 'console';
  const process = random.chance(0.8) ? busy : random.pick(processNames);
  const kind = weighted<FaultKind>(random, { dies: 5, loses: 3, late: 1, freezes: 3, copied: 2 });
  const effects = process.startsWith('edge') ? 8 : 60;
  return { process, kind, at: random.whole(1, random.chance(0.5) ? effects : Math.ceil(effects / 3)) };
}

const deeds: Readonly<Record<Deed['do'], number>> = {
  reserve: 26,
  'reserve again': 6,
  confirm: 12,
  cancel: 6,
  extend: 3,
  'tell again': 4,
  read: 4,
  look: 3,
  commit: 20,
  sweep: 5,
  restock: 2,
  withdraw: 2,
  return: 2,
  refunded: 1,
  'hold time': 2,
  limit: 1,
  pause: 1,
  resume: 1,
  close: 0.5,
  open: 1,
  'more time': 1,
  'empty the gate': 2,
  'remember the gate': 3,
  'set the gate back': 4,
  'late deliveries': 2,
  thaw: 3,
  kill: 1,
};

function deedOf(random: Random, isFirst: boolean, items: number): Deed {
  const kind = isFirst ? 'reserve' : weighted<Deed['do']>(random, deeds);
  const edge = (): EdgeName => (random.chance(0.7) ? 'edge 1' : 'edge 2');
  const which = () => (random.chance(0.5) ? 0 : random.whole(0, 6));
  switch (kind) {
    case 'reserve':
      return { do: kind, edge: edge(), asking: askingOf(random, items) };
    case 'reserve again':
    case 'tell again':
    case 'read':
      return { do: kind, edge: edge(), which: which() };
    case 'look':
      return { do: kind, edge: edge() };
    case 'confirm':
    case 'cancel':
    case 'extend':
      return { do: kind, edge: edge(), which: which(), paid: random.chance(0.5), keyed: random.chance(0.6) };
    case 'commit':
    case 'sweep':
      return { do: kind, worker: random.chance(0.6) ? 'worker 1' : 'worker 2' };
    case 'restock':
    case 'withdraw':
      return { do: kind, sku: random.whole(0, items - 1), units: random.whole(1, 2) };
    case 'return':
    case 'refunded':
    case 'set the gate back':
      return { do: kind, which: which() };
    case 'hold time':
      return { do: kind, seconds: random.chance(0.5) ? 0 : 3_600 };
    case 'limit':
      return { do: kind, units: random.chance(0.3) ? null : random.whole(1, 3) };
    case 'thaw':
    case 'kill':
      return { do: kind, process: random.pick(processNames) };
    default:
      return { do: kind };
  }
}

function askingOf(random: Random, items: number): Asking[] {
  return Array.from({ length: random.chance(0.5) ? 1 : random.whole(2, 5) }, () => ({
    buyer: random.whole(1, 4),
    wish: wishOf(random, items),
    keyed: random.chance(0.7),
  }));
}

function wishOf(random: Random, items: number): Wish {
  const wish: Wish = {
    [skus[random.whole(0, items - 1)] as Sku]: random.chance(0.7) ? 1 : random.whole(2, 3),
  };
  if (items > 1 && random.chance(0.25)) for (const sku of skus) wish[sku] ??= 1;
  return wish;
}

function weighted<Name extends string>(random: Random, weights: Readonly<Record<Name, number>>): Name {
  const entries = Object.entries<number>(weights) as [Name, number][];
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  throw new Error('There is nothing to choose from');
}
