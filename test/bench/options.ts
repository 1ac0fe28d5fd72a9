/** What was asked for on the command line, and how much work that means. */
import { parseArgs } from 'node:util';

export const usage = `npm run bench -- [--quick] [--json FILE] [--rounds N] [--only NAME,...] [--growth] [--streams]

  --quick    under a minute: smaller crowds, fewer rounds
  --json     writes every figure to FILE
  --rounds   times that each comparison is repeated (medians are shown)
  --only     contestants: holdfast, row-lock, optimistic, event-sourced, job-each
  --growth   also P11: a million reservations of one sale, a thousand sales (minutes)
  --streams  also P10: 10,000 open streams on one edge process (a minute)
`;

export interface Options {
  quick: boolean;
  growth: boolean;
  streams: boolean;
  jsonFile: string | null;
  only: string[] | null;
  size: Size;
}

export interface Size {
  /** Of each contestant, before the first round. */
  warmUpSeconds: number;
  /** Rounds of the crowd that P3 is about, of the others, and of what is held against the bare server. */
  everyoneRounds: number;
  crowdRounds: number;
  bareRounds: number;
  /** The three crowds of the peers' table. */
  few: { stock: number; requests: number };
  many: { stock: number; requests: number };
  two: { stock: number; requests: number };
  /** Everybody gets one: P3, P5 and P7. */
  everyone: number;
  workersEach: number;
  /** P1 and P9, a run. */
  bareSeconds: number;
  bareRequests: number;
  /** P2, P4 and P8. */
  admissions: number;
  /** P6. */
  paceSeconds: number;
}

const quickSize: Size = {
  warmUpSeconds: 1,
  everyoneRounds: 2,
  crowdRounds: 1,
  bareRounds: 2,
  few: { stock: 100, requests: 3_000 },
  many: { stock: 1_500, requests: 3_000 },
  two: { stock: 2, requests: 8_000 },
  everyone: 5_000,
  workersEach: 4_000,
  bareSeconds: 0.8,
  bareRequests: 100_000,
  admissions: 12_000,
  paceSeconds: 1,
};

const fullSize: Size = {
  warmUpSeconds: 4,
  everyoneRounds: 3,
  crowdRounds: 3,
  bareRounds: 5,
  few: { stock: 100, requests: 3_000 },
  many: { stock: 10_000, requests: 20_000 },
  two: { stock: 2, requests: 200_000 },
  everyone: 20_000,
  workersEach: 20_000,
  bareSeconds: 3,
  bareRequests: 300_000,
  admissions: 20_000,
  paceSeconds: 5,
};

/** Throws a sentence for a wrong option. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      streams: { type: 'boolean', default: false },
      json: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const size = values.quick ? quickSize : fullSize;
  const rounds = values.rounds === undefined ? null : Number(values.rounds);
  if (rounds !== null && (!Number.isInteger(rounds) || rounds < 1))
    throw new Error('--rounds wants 1 or more');
  return {
    quick: values.quick,
    growth: values.growth,
    streams: values.streams,
    jsonFile: values.json ?? null,
    only: values.only?.split(',') ?? null,
    size:
      rounds === null ? size : { ...size, everyoneRounds: rounds, crowdRounds: rounds, bareRounds: rounds },
  };
}
