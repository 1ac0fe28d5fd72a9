/** The figures, to read and to paste into the README. */
import type { CrowdResult } from './crowd.ts';
import type { Machine } from './machine.ts';
import { median, medianRatio } from './statistics.ts';
import { crowdTitles, type Findings, type Target, targetsOf, verdictOf } from './targets.ts';

export function printFindings(machine: Machine, found: Findings): string {
  const parts = [
    `${machine.date.slice(0, 16).replace('T', ' ')} UTC, \`${machine.command}\`, ${machine.cores} x ${machine.cpu}, ` +
      `${machine.memoryGb} GB, Linux ${machine.kernel}, Node ${machine.node}, others on the machine ${(machine.othersShare * 100).toFixed(0)} %`,
  ];
  for (const title of Object.values(crowdTitles)) {
    const results = found.crowds.filter((result) => result.crowd === title);
    if (results.length > 0) parts.push(crowdTable(title, results));
  }
  if (found.paced.length > 0) parts.push(pacedTable(found.paced));
  const targets = targetsOf(found);
  if (targets.length > 0) parts.push(targetTable(targets));
  return `${parts.join('\n\n')}\n`;
}

function crowdTable(title: string, results: CrowdResult[]): string {
  const first = results[0] as CrowdResult;
  const head = [
    `${title}: ${number(first.stock)} units, ${number(first.requests)} requests`,
    'answers/s',
    'durable holds/s',
    'last hold, ms',
    'answer p50 / p99, ms',
    'CPU us per request',
    'of which',
    'load us',
    'holdfast has',
  ];
  const own = results.filter((result) => result.contestant === 'holdfast');
  const rows = namesIn(results).map((name) => {
    const rounds = results.filter((result) => result.contestant === name);
    const middle = (pick: (result: CrowdResult) => number) => median(rounds.map(pick));
    const roles = Object.keys(rounds[0]?.cpuMicrosPerRequest ?? {});
    const costs = roles.map((role) => ({
      role,
      micros: middle((result) => result.cpuMicrosPerRequest[role] ?? 0),
    }));
    return [
      name,
      number(middle((result) => result.answersPerSecond)),
      number(middle((result) => result.holdsPerSecond ?? Number.NaN)),
      number(middle((result) => result.lastHoldMs ?? Number.NaN)),
      `${decimal(middle((result) => result.answerMs.p50))} / ${decimal(middle((result) => result.answerMs.p99))}`,
      number(costs.reduce((sum, { micros }) => sum + micros, 0)),
      costs.map(({ role, micros }) => `${role} ${number(micros)}`).join(', '),
      number(middle((result) => result.loadCpuMicrosPerRequest)),
      name === 'holdfast' || own.length === 0 ? '' : comparison(own, rounds),
    ];
  });
  return table(head, rows);
}

function comparison(own: CrowdResult[], other: CrowdResult[]): string {
  const ratio = (pick: (result: CrowdResult) => number) => medianRatio(own.map(pick), other.map(pick));
  const answers = ratio((result) => result.answersPerSecond);
  const holds = ratio((result) => result.holdsPerSecond ?? Number.NaN);
  return `${decimal(answers)} x answers, ${decimal(holds)} x holds`;
}

function pacedTable(results: CrowdResult[]): string {
  const head = ['at a tenth of its own full rate', 'requests/s', 'POST to held p50 / p95 / p99, ms'];
  const rows = results.map((result) => [
    result.contestant,
    number(result.answersPerSecond),
    `${decimal(result.takenAnswerMs.p50)} / ${decimal(result.takenAnswerMs.p95)} / ${decimal(result.takenAnswerMs.p99)}`,
  ]);
  return table(head, rows);
}

function targetTable(targets: Target[]): string {
  const head = ['', 'what to reach', 'reached', 'first', 'goal', 'verdict', ''];
  const rows = targets.map((target) => [
    target.id,
    target.what,
    figure(target.value),
    target.first === 0 ? '' : figure(target.first),
    figure(target.goal),
    verdictOf(target),
    target.note,
  ]);
  return table(head, rows);
}

/** Markdown, padded, so that it reads in a terminal too. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function namesIn(results: CrowdResult[]): string[] {
  return [...new Set(results.map((result) => result.contestant))];
}

function figure(value: number): string {
  return Math.abs(value) >= 100 ? number(value) : value.toFixed(2);
}

function number(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '-';
}

function decimal(value: number): string {
  return Number.isFinite(value) ? value.toFixed(1) : '-';
}
