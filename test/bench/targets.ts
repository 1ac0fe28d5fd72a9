/** What to reach, and what was reached. */
import type { BarePairs, Pairs } from './bare-pairs.ts';
import type { CrowdResult } from './crowd.ts';
import type { Growth, WorkerRound } from './growth.ts';
import { median, medianRatio } from './statistics.ts';
import type { Streams } from './streams.ts';

export interface Target {
  id: string;
  what: string;
  value: number;
  first: number;
  goal: number;
  /** Whether less is better. */
  lessIsBetter: boolean;
  note: string;
}

export interface Findings {
  crowds: CrowdResult[];
  paced: CrowdResult[];
  barePairs: BarePairs | null;
  workers: WorkerRound[];
  growth: Growth | null;
  streams: Streams | null;
}

export const crowdTitles = {
  few: 'few units',
  many: 'many units',
  two: 'two units',
  everyone: 'as many buyers as units',
} as const;

const durableRatios = [
  { peer: 'row-lock', first: 8, goal: 15 },
  { peer: 'optimistic', first: 8, goal: 15 },
  { peer: 'event-sourced', first: 8, goal: 15 },
  { peer: 'job-each', first: 3, goal: 10 },
];

export function targetsOf(found: Findings): Target[] {
  const targets: Target[] = [];
  const pairs = found.barePairs;
  if (pairs !== null) {
    targets.push(
      atLeast('P1', 'sold-out answers/s to bare POST', ratio(pairs.soldOut), 0.7, 0.9, rates(pairs.soldOut)),
    );
    targets.push(
      atLeast('P2', 'admissions/s to bare POST', ratio(pairs.admitted), 0.4, 0.6, rates(pairs.admitted)),
    );
  }
  const everyone = everyoneOf(found.crowds, 'holdfast');
  const durable = holdRates(found.crowds, 'holdfast');
  for (const { peer, first, goal } of durableRatios) {
    const other = holdRates(found.crowds, peer);
    if (durable.length === 0 || other.length === 0) continue;
    const note = `${round(median(durable))} to ${round(median(other))} a second`;
    targets.push(atLeast('P3', `durable holds/s to ${peer}`, medianRatio(durable, other), first, goal, note));
  }
  if (durable.length > 0) {
    targets.push(atLeast('P3', 'durable holds/s', median(durable), 0, 10_000, ''));
  }
  if (pairs !== null) {
    const note = rates(pairs.commitRun);
    targets.push(atLeast('P4', 'commit run to bare unnest', ratio(pairs.commitRun), 0.4, 0.7, note));
    targets.push(atLeast('P4', 'commit run, rows/s', median(pairs.commitRun.own), 0, 31_000, ''));
  }
  if (everyone.length > 0) {
    const holds = median(everyone.map((result) => result.holds));
    const after = median(everyone.map((result) => result.lastHoldAfterAnswerMs ?? Number.NaN));
    targets.push(atMost('P5', 'last hold after last answer, ms', after, 2_000, 300, `${holds} holds`));
  }
  const paced = found.paced.find((result) => result.contestant === 'holdfast');
  if (paced !== undefined) {
    const note = `at ${round(paced.answersPerSecond)} a second, a tenth of the full rate`;
    targets.push(atMost('P6', 'p99 from POST to held, ms', paced.takenAnswerMs.p99, 60, 20, note));
  }
  if (everyone.length > 0) {
    const cost = median(everyone.map((result) => result.cpuMicrosPerHold));
    targets.push(atMost('P7', 'CPU us per reservation', cost, 250, 120, 'edge, worker, Redis and Postgres'));
  }
  if (pairs !== null) {
    targets.push(
      atMost('P8', 'Redis bytes per live ticket', median(pairs.redisBytesPerTicket), 600, 350, ''),
    );
    targets.push(atLeast('P9', 'polls/s to bare GET', ratio(pairs.polls), 0.5, 0.8, rates(pairs.polls)));
  }
  if (found.streams !== null) {
    const { opened, paid, told, p99Ms } = found.streams;
    const note = `${round(opened)} streams open; ${round(told)} of ${round(paid)} who paid were told`;
    targets.push(
      atMost('P10', 'p99 from commit to frame, ms', told < paid ? Number.NaN : p99Ms, 500, 150, note),
    );
  }
  if (found.growth !== null) {
    const { first, afterMillion, alone, amongThousand } = found.growth;
    targets.push(atMost('P11', 'cost after 1,000,000 reservations', afterMillion / first, 1.3, 1.1, ''));
    targets.push(atMost('P11', 'cost with 1,000 sales open', amongThousand / alone, 1.3, 1.1, ''));
  }
  const single = found.workers.find((result) => result.workers === 1);
  for (const result of found.workers) {
    if (single === undefined || result === single) continue;
    // A rate within a tenth is the same rate on a machine whose rates swing by more than that.
    const what = `rate with ${result.workers} workers to 1`;
    targets.push(
      atLeast(
        'P12',
        what,
        result.holdsPerSecond / single.holdsPerSecond,
        0.9,
        1,
        `${result.disorder} out of order`,
      ),
    );
  }
  return targets;
}

export function verdictOf(target: Target): 'goal' | 'first' | 'short' {
  const reached = (bound: number) => (target.lessIsBetter ? target.value <= bound : target.value >= bound);
  if (reached(target.goal)) return 'goal';
  return reached(target.first) ? 'first' : 'short';
}

/** The rates of the crowd that P3 is about, round by round: every answer is a hold, so nothing else is measured. */
export function holdRates(crowds: CrowdResult[], contestant: string): number[] {
  return everyoneOf(crowds, contestant).map((result) => result.holdsPerSecond ?? 0);
}

function everyoneOf(crowds: CrowdResult[], contestant: string): CrowdResult[] {
  return crowds.filter((result) => result.crowd === crowdTitles.everyone && result.contestant === contestant);
}

function ratio(pairs: Pairs): number {
  return medianRatio(pairs.own, pairs.bare);
}

function rates(pairs: Pairs): string {
  return `${round(median(pairs.own))} to ${round(median(pairs.bare))} a second`;
}

function round(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function atLeast(id: string, what: string, value: number, first: number, goal: number, note: string): Target {
  return { id, what, value, first, goal, lessIsBetter: false, note };
}

function atMost(id: string, what: string, value: number, first: number, goal: number, note: string): Target {
  return { id, what, value, first, goal, lessIsBetter: true, note };
}
