/** What a run says of itself, as text and as numbers. */
import { cpus, release, totalmem } from 'node:os';
import type { Options } from './options.ts';
import type { CrashPoints } from './faults/lives.ts';
import type { RoundResult, TortureResult } from './torture.ts';
import type { Recovery } from './watch.ts';

export interface Report {
  ok: boolean;
  command: string;
  date: string;
  machine: string;
  seed: string;
  minutes: number;
  rounds: number;
  tormentedSeconds: number;
  /** Share of the machine that went to others, and for how long they left less than half of it. */
  othersShare: number;
  busySeconds: number;
  faults: number;
  faultsAnHour: number;
  faultsByKind: Record<string, FaultCount>;
  skipped: Record<string, string>;
  crashPoints: CrashPoints;
  operations: number;
  answers: Record<string, number>;
  invariants: InvariantSum[];
  restless: string[];
  brokenRounds: string[];
}

export interface FaultCount {
  times: number;
  /** Of those that were alone: milliseconds from the fault's end to the next commit, and to the gate's next answer. */
  measured: number;
  commitMs: Percentiles | null;
  gateMs: Percentiles | null;
}

export interface Percentiles {
  p50: number;
  p99: number;
}

export interface InvariantSum {
  name: string;
  rule: string;
  looked: number;
  broken: number;
  violations: string[];
}

const keptSentences = 10;

export function makeReport(
  options: Options,
  { rounds, recoveries, othersShare, crashPoints }: TortureResult,
  startedAt: Date,
): Report {
  const faults = rounds.flatMap((round) => round.faults);
  const tormentedSeconds = rounds.reduce((sum, round) => sum + round.tormentedMs, 0) / 1_000;
  const invariants = sumInvariants(rounds);
  const restless = rounds.flatMap((round) => round.restless);
  return {
    ok: invariants.every(({ broken }) => broken === 0) && restless.length === 0,
    command: ['npm run torture --', ...process.argv.slice(2)].join(' '),
    date: startedAt.toISOString(),
    machine: machineText(),
    seed: options.seed,
    minutes: (Date.now() - startedAt.getTime()) / 60_000,
    rounds: rounds.length,
    tormentedSeconds,
    othersShare,
    busySeconds: Math.round(rounds.reduce((sum, { busyMs }) => sum + busyMs, 0) / 1_000),
    faults: faults.length,
    faultsAnHour: Math.round((faults.length * 60) / ((Date.now() - startedAt.getTime()) / 60_000)),
    faultsByKind: countFaults(
      faults.map(({ kind }) => kind),
      recoveries,
    ),
    skipped: Object.fromEntries(rounds.flatMap((round) => round.skipped.map(({ kind, why }) => [kind, why]))),
    crashPoints,
    operations: rounds.reduce((sum, round) => sum + round.operations, 0),
    answers: sumAnswers(rounds),
    invariants,
    restless,
    brokenRounds: rounds.filter((round) => !round.ok).map((round) => round.folder),
  };
}

function countFaults(kinds: readonly string[], recoveries: readonly Recovery[]): Record<string, FaultCount> {
  const counts: Record<string, FaultCount> = {};
  for (const kind of [...new Set(kinds)].sort()) {
    const own = recoveries.filter((recovery) => recovery.kind === kind);
    counts[kind] = {
      times: kinds.filter((one) => one === kind).length,
      measured: own.length,
      commitMs: percentilesOf(own.map(({ commitMs }) => commitMs)),
      gateMs: percentilesOf(own.map(({ gateMs }) => gateMs)),
    };
  }
  return counts;
}

export function percentilesOf(times: readonly number[]): Percentiles | null {
  if (times.length === 0) return null;
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] as number);
  return { p50: at(0.5), p99: at(0.99) };
}

function sumAnswers(rounds: readonly RoundResult[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { answers } of rounds)
    for (const [kind, times] of answers) sums.set(kind, (sums.get(kind) ?? 0) + times);
  return Object.fromEntries([...sums].sort(([left], [right]) => left.localeCompare(right)));
}

function sumInvariants(rounds: readonly RoundResult[]): InvariantSum[] {
  const sums = new Map<string, InvariantSum>();
  for (const { round, verdict } of rounds)
    for (const { name, rule, looked, broken, violations } of verdict.invariants) {
      const sum = sums.get(name) ?? { name, rule, looked: 0, broken: 0, violations: [] };
      sum.looked += looked;
      sum.broken += broken;
      for (const sentence of violations)
        if (sum.violations.length < keptSentences) sum.violations.push(`round ${round}: ${sentence}`);
      sums.set(name, sum);
    }
  return [...sums.values()];
}

export function machineText(): string {
  const processors = cpus();
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} x ${processors[0]?.model ?? 'unknown'}, ${memoryGb} GB, Linux ${release()}, Node ${process.version}`;
}

/** The report as a page. */
export function reportText(report: Report): string {
  const { seed, minutes, rounds, faults, faultsAnHour, operations } = report;
  const tickets = Object.entries(report.answers).reduce(
    (sum, [kind, times]) => (/^reserve: 20[02] /.test(kind) ? sum + times : sum),
    0,
  );
  return `# The last torture

\`${report.command}\`, ${report.date}, ${report.machine}.

${report.ok ? 'Every law held.' : '**A law is broken.**'} In ${minutes.toFixed(1)} minutes and ${rounds} rounds, each with five sales (plain, with a limit, with a waitlist, of four items, of a handful of units), a crowd asked ${operations.toLocaleString('en')} times and got ${tickets.toLocaleString('en')} tickets from 2 edges, 2 workers and 1 console, while a nemesis did ${faults} faults to them and their stores (${faultsAnHour} an hour, rests included; its plan follows from the seed ${seed}). After each round everything was left to rest, the last units were sold, and what clients had seen, the ledger and the gate were held against each other. Others took ${Math.round(report.othersShare * 100)} % of the machine${report.busySeconds === 0 ? '' : `, and for ${report.busySeconds} s they left less than half of it: what has to be done within seconds was not asked for then`}.

| invariant | | looked at | broken |
|---|---|---|---|
${report.invariants.map(({ name, rule, looked, broken }) => `| ${name} | ${rule} | ${looked.toLocaleString('en')} | ${broken} |`).join('\n')}
${broken(report)}
| fault | times | alone | next commit after its end, p50 / p99 | next answer of the gate, p50 / p99 |
|---|---|---|---|---|
${Object.entries(report.faultsByKind).map(faultRow).join('\n')}
${crashText(report)}${skippedText(report)}
| answer | times |
|---|---|
${Object.entries(report.answers)
  .map(([kind, times]) => `| ${kind} | ${times.toLocaleString('en')} |`)
  .join('\n')}
`;
}

function faultRow([kind, { times, measured, commitMs, gateMs }]: [string, FaultCount]): string {
  const text = (both: Percentiles | null) => (both === null ? '' : `${both.p50} / ${both.p99} ms`);
  return `| ${kind} | ${times} | ${measured} | ${text(commitMs)} | ${text(gateMs)} |`;
}

function broken({ invariants, restless, brokenRounds }: Report): string {
  const sentences = [
    ...invariants.flatMap(({ name, violations }) => violations.map((sentence) => `- ${name}: ${sentence}`)),
    ...restless.map((sentence) => `- not at rest: ${sentence}`),
    ...brokenRounds.map((folder) => `- evidence: ${folder}`),
  ];
  return sentences.length === 0 ? '' : `\n${sentences.join('\n')}\n`;
}

function crashText({ crashPoints: { met, diedAt } }: Report): string {
  if (met.length === 0) return '';
  const rest = met.filter((point) => !diedAt.includes(point));
  return `\nOf ${met.length} crash points that were met, a process died at ${diedAt.length}: ${diedAt.join(', ')}. Passed alive: ${rest.join(', ')}.\n`;
}

function skippedText({ skipped }: Report): string {
  const lines = Object.entries(skipped).map(([kind, why]) => `- ${kind}: ${why}`);
  return lines.length === 0 ? '' : `\nSkipped, at least once:\n\n${lines.join('\n')}\n`;
}
