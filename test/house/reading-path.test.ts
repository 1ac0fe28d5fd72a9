import { existsSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const path = readingPath(readFileSync(join(root, 'README.md'), 'utf8'));
const steps = path.slice(1).map((to, index) => ({ from: path[index] as string, to }));

describe('a newcomer who reads the six files that the README names', () => {
  it('finds six, each where it is said to be', () => {
    expect(path).toHaveLength(6);
    expect(new Set(path).size, 'different ones').toBe(6);
    expect(path.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it.each(steps)('is led from $from to $to', ({ from, to }) => {
    const led = leads(from, readFileSync(join(root, from), 'utf8'), to);
    expect(led, `${from} must import ${to}, or name it by its path in a comment`).toBe(true);
  });

  it('is not sent away by less than the file itself', () => {
    const next = 'packages/ledger/src/commit-run.ts';
    const here = 'packages/core/src/decide-run.ts';
    expect(leads(here, '// the commit run of the ledger; see commit-run.ts', next)).toBe(false);
    expect(leads(here, "import { readSale } from '@holdfast/ledger';", next)).toBe(false);
    expect(
      leads('packages/pipeline/src/bells.ts', "import { commitSale } from './commit-run.ts';", next),
    ).toBe(false);
  });
});

/** The files of the README's numbered list, in order; a link that shows one path and leads to another is no step. */
function readingPath(readme: string): string[] {
  const section =
    readme.split(/^## /m).find((part) => part.startsWith('Six files that explain the system')) ?? '';
  const links = section.matchAll(/^\d+\. \[`([^`]+)`\]\(([^)]+)\)/gm);
  return [...links].flatMap(([, shown, target]) => (shown !== undefined && shown === target ? [shown] : []));
}

/** Whether `text`, which stands in `from`, names the file `to`: by its path, by importing it, or by importing its verb from its package. */
function leads(from: string, text: string, to: string): boolean {
  if (text.includes(to)) return true;
  for (const [, names, source] of text.matchAll(/(?:import|export) (?:type )?([^;]*?) from '([^']+)'/g)) {
    if (names === undefined || source === undefined) continue;
    if (source.startsWith('.') && posix.join(posix.dirname(from), source) === to) return true;
    const room = source.replace('@holdfast/', 'packages/');
    if (to.startsWith(`${room}/src/`) && new RegExp(`\\b${verbOf(to)}\\b`).test(names)) return true;
  }
  return false;
}

/** `decide-run.ts` is about `decideRun`. */
function verbOf(file: string): string {
  return basename(file)
    .replace(/\.\w+$/, '')
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
