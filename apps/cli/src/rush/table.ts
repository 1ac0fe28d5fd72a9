import type { Spread } from './histogram.ts';
import type { RushOptions } from './options.ts';
import type { CrowdReport } from './plan.ts';
import { laws, type Proof } from './proof.ts';

/** The end of a rush, for people. */
export function rushTable(options: RushOptions, report: CrowdReport, proof: Proof): string {
  const { verdict, audit, journal, atRest } = proof;
  const { crowd } = options;
  const arrivals =
    crowd.arrivals.kind === 'closed'
      ? `${whole(crowd.arrivals.concurrency)} at once`
      : `${whole(crowd.arrivals.perSecond)} a second for ${whole(crowd.arrivals.durationSeconds)} s`;
  const people =
    crowd.atOnce === 1
      ? `${whole(report.arrived)} buyers`
      : `${whole(report.arrived / crowd.atOnce)} buyers with ${crowd.atOnce} requests each`;
  const requests = report.answerTime.reserve.count + report.answerTime.read.count;
  const units = (count: (item: (typeof verdict.units)[number]) => number) =>
    verdict.units.reduce((sum, item) => sum + count(item), 0);
  const holdTime = report.holdTime.stream.count > 0 ? report.holdTime.stream : report.holdTime.poll;
  const { held = 0, confirmed = 0, expired = 0, rejected = 0 } = verdict.rows;

  return lines([
    ['crowd', `${people}, ${arrivals}, seed ${crowd.seed}`],
    ['took', `${ms(report.elapsedMs)}; everybody's first answer after ${ms(report.firstRoundMs)}`],
    ['crowd process', `${whole((report.cpuMs * 1_000) / Math.max(1, report.answers))} us of CPU per answer`],
    [
      'answers',
      `${whole(report.answers)}, ${whole((requests / report.elapsedMs) * 1_000)} reservations and reads a second`,
    ],
    ...Object.entries(report.answersByKind)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, count]): Row => [`  ${kind}`, whole(count)]),
    ['errors', whole(report.errors)],
    ...Object.entries(report.errorsByKind).map(([kind, count]): Row => [`  ${kind}`, whole(count)]),
    ...Object.entries(report.answerTime)
      .filter(([, time]) => time.count > 0)
      .map(([asked, time]): Row => [`answer time, ${asked}`, spread(time)]),
    [
      'admission to durable hold',
      holdTime.count === 0 ? 'no hold' : `p50 ${ms(holdTime.p50Ms)}  p99 ${ms(holdTime.p99Ms)}`,
    ],
    ['last hold durable after', lastHold(report)],
    [
      'holds',
      `${whole(report.held)} seen; rows: ${whole(held)} held, ${whole(confirmed)} confirmed, ${whole(expired)} expired, ${whole(rejected)} rejected`,
    ],
    [
      'sold',
      `${whole(units((item) => item.confirmed + item.held))} of ${whole(units((item) => item.stock))} units`,
    ],
    ...(verdict.units.length > 1
      ? verdict.units.map(
          (item): Row => [`  ${item.sku}`, `${whole(item.confirmed + item.held)} of ${whole(item.stock)}`],
        )
      : []),
    ...(verdict.unheard > 0 ? [['rows not of this crowd', whole(verdict.unheard)] satisfies Row] : []),
    ...(atRest
      ? []
      : [['not at rest', 'reservations were still open when the rows were read'] satisfies Row]),
    ...(audit?.checks ?? [])
      .filter((check) => !check.ok)
      .map(
        (check): Row => [
          `audit: ${check.name}`,
          `expected ${JSON.stringify(check.expected)}, is ${JSON.stringify(check.actual)}`,
        ],
      ),
    [
      'audit',
      audit === undefined
        ? 'no console, not asked'
        : audit.ok
          ? `ok, ${audit.checks.length} checks`
          : 'BROKEN',
    ],
    [
      'journal',
      journal === undefined
        ? 'not exported, not checked'
        : (journal.fault ?? `whole, ${whole(journal.events)} events`),
    ],
    [
      'proof',
      Object.entries(laws(proof))
        .map(([law, count]) => `${law} ${count ?? 'not checked'}`)
        .join(', '),
    ],
  ]);
}

type Row = [name: string, value: string];

function lines(rows: Row[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => name.padEnd(width) + value).join('\n');
}

function lastHold({ held, lastHoldMs }: CrowdReport): string {
  if (held === 0) return 'no hold';
  if (lastHoldMs.all === lastHoldMs.firstTries) return ms(lastHoldMs.all);
  return `${ms(lastHoldMs.firstTries)}; with those who came back ${ms(lastHoldMs.all)}`;
}

function spread({ p50Ms, p95Ms, p99Ms, maxMs }: Spread): string {
  return `p50 ${ms(p50Ms)}  p95 ${ms(p95Ms)}  p99 ${ms(p99Ms)}  max ${ms(maxMs)}`;
}

function ms(value: number): string {
  return value < 10
    ? `${value.toFixed(2)} ms`
    : value < 10_000
      ? `${Math.round(value)} ms`
      : `${(value / 1_000).toFixed(1)} s`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
