import fc from 'fast-check';
import type { Units } from './units.ts';

/**
 * What buyers, merchants, workers and bad luck do, as plain data. Nothing here knows the model, so the same
 * values can drive the real gate and ledger.
 */
export type Command =
  | ({ type: 'reserve'; buyer: number; lines: Units; poison: boolean } & Call)
  | ({ type: 'confirm' | 'cancel' | 'extend' | 'return'; ticket: number } & Call)
  | ({ type: 'withdraw'; lines: Units } & Call)
  /** The client heard nothing and sends one of its lost calls again, with the same ids. */
  | { type: 'resend'; call: number; edge: number; via: Line }
  /** The client asks again for a ticket that it may have long had. */
  | { type: 'repeat'; ticket: number; edge: number; via: Line }
  | { type: 'restock'; item: 0 | 1 }
  | { type: 'pause' }
  | { type: 'open' }
  | { type: 'close' }
  /** Final tickets have been readable for long enough and leave the gate. */
  | { type: 'forget' }
  /** The gate's machine clock; below zero it is set back. */
  | { type: 'tick'; by: number }
  /** A worker goes on for so many steps and is frozen there; `throughout` goes on to the end of its run. */
  | { type: 'work'; worker: number; steps: number; via: Line }
  | { type: 'crash'; worker: number }
  /** An edge starts anew and remembers nothing. */
  | { type: 'restart'; edge: number }
  /** An edge hears of the gate, as by news. */
  | { type: 'learn'; edge: number }
  /** The database ends a transaction that has been idle for too long; its worker does not know. */
  | { type: 'timeout' }
  | { type: 'lose'; writes: number }
  | { type: 'empty' }
  /** A replica that is some writes behind is promoted while the old master goes on answering. */
  | { type: 'split'; behind: number }
  | { type: 'heal' }
  /** A counter of the gate strays by one, by no script of ours: then it offers less than there is, or more. */
  | { type: 'stray'; counter: 'admitted' | 'ceiling'; item: 0 | 1; by: -1 | 1 };

/** A ticket, call or worker is named by a number that is taken modulo how many there are. */
export type Call = { edge: number; via: Line; reply: 'arrives' | 'lost' };

/** Which gate is reached: the one in charge or, after a split, the old master. */
export type Line = 'current' | 'old';

export type Mode = { loss: boolean; waitlist: boolean; strays?: boolean };
export type Shop = { stock: Units; perBuyerLimit: number; holdTime: number; waitlist: boolean };
export type Schedule = { shop: Shop; commands: readonly Command[] };

export const throughout = 80;
export const workers = 3;
export const edges = 2;
export const buyers = 3;

export const modes: readonly Mode[] = [
  { loss: false, waitlist: false },
  { loss: false, waitlist: true },
  { loss: true, waitlist: false },
  { loss: true, waitlist: true },
  { loss: false, waitlist: true, strays: true },
  { loss: true, waitlist: true, strays: true },
];

export const nameOf = (mode: Mode): string =>
  [
    mode.loss ? 'a gate that forgets' : 'a gate that keeps',
    `${mode.waitlist ? 'with' : 'without'} a waitlist`,
    ...(mode.strays ? ['counters that stray'] : []),
  ].join(', ');

export function schedules(mode: Mode): fc.Arbitrary<Schedule> {
  return fc.record({
    shop: fc.record({
      stock: fc.constantFrom<Units>([1, 0], [2, 1], [1, 1], [3, 0]),
      perBuyerLimit: fc.constantFrom(2, 4),
      holdTime: fc.constant(2),
      waitlist: fc.constant(mode.waitlist),
    }),
    commands: fc.array(command(mode), { minLength: 6, maxLength: 44, size: 'max' }),
  });
}

function command(mode: Mode): fc.Arbitrary<Command> {
  const line: fc.Arbitrary<Line> = mode.loss
    ? often<Line>([7, 'current'], [3, 'old'])
    : fc.constant<Line>('current');
  const edge = fc.nat({ max: edges - 1 });
  const worker = fc.nat({ max: workers - 1 });
  const ticket = fc.nat({ max: 11 });
  const call = { edge, via: line, reply: often<'arrives' | 'lost'>([4, 'arrives'], [1, 'lost']) };
  const lines = often<Units>([5, [1, 0]], [2, [2, 0]], [1, [0, 1]], [1, [1, 1]]);
  const kind = often<'confirm' | 'cancel' | 'extend' | 'return'>(
    [4, 'confirm'],
    [3, 'cancel'],
    [1, 'extend'],
    [1, 'return'],
  );
  const steps = often([5, throughout], [2, 1], [2, 2], [2, 3], [2, 4], [2, 5], [1, 7], [1, 9]);
  const poison = often([15, false], [1, true]);

  const always: Weighted[] = [
    [
      28,
      fc.record({
        type: only('reserve'),
        buyer: fc.integer({ min: 1, max: buyers }),
        lines,
        poison,
        ...call,
      }),
    ],
    [18, fc.record({ type: kind, ticket, ...call })],
    [3, fc.record({ type: only('withdraw'), lines: fc.constant<Units>([1, 0]), ...call })],
    [8, fc.record({ type: only('resend'), call: ticket, edge, via: line })],
    [5, fc.record({ type: only('repeat'), ticket, edge, via: line })],
    [3, fc.record({ type: only('restock'), item: fc.constantFrom(0 as const, 1 as const) })],
    [2, fc.record({ type: only('pause') })],
    [2, fc.record({ type: only('open') })],
    [1, fc.record({ type: only('close') })],
    [3, fc.record({ type: only('forget') })],
    [12, fc.record({ type: only('tick'), by: often([3, 1], [4, 2], [1, -1], [2, -2]) })],
    [46, fc.record({ type: only('work'), worker, steps, via: line })],
    [4, fc.record({ type: only('crash'), worker })],
    [1, fc.record({ type: only('timeout') })],
    [1, fc.record({ type: only('restart'), edge })],
    [2, fc.record({ type: only('learn'), edge })],
  ];
  const losses: Weighted[] = [
    [5, fc.record({ type: only('lose'), writes: fc.integer({ min: 1, max: 4 }) })],
    [2, fc.record({ type: only('empty') })],
    [2, fc.record({ type: only('split'), behind: fc.nat({ max: 2 }) })],
    [2, fc.record({ type: only('heal') })],
  ];
  const strays: Weighted[] = [
    [
      7,
      fc.record({
        type: only('stray'),
        counter: fc.constantFrom('admitted' as const, 'ceiling' as const),
        item: often<0 | 1>([3, 0], [1, 1]),
        by: fc.constantFrom(-1 as const, 1 as const),
      }),
    ],
  ];
  return fc.oneof(
    ...[...always, ...(mode.loss ? losses : []), ...(mode.strays ? strays : [])].map(
      ([weight, arbitrary]) => ({ weight, arbitrary }),
    ),
  );
}

type Weighted = readonly [weight: number, arbitrary: fc.Arbitrary<Command>];

const only = <const Type extends string>(type: Type): fc.Arbitrary<Type> => fc.constant(type);

function often<Value>(...choices: readonly (readonly [weight: number, value: Value])[]): fc.Arbitrary<Value> {
  return fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
}
