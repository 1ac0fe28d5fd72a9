/** `node test/checker/main.ts FOLDER`: a line per invariant; exit 0 when all hold, 1 when one is broken, 2 without a verdict. */
import { Unreadable } from './evidence.ts';
import type { InvariantVerdict } from './findings.ts';
import { checkFolder } from './folder.ts';

process.exitCode = await main(process.argv.slice(2));

async function main([folder, ...rest]: string[]): Promise<number> {
  if (folder === undefined || rest.length > 0) {
    process.stderr.write('Which folder? node test/checker/main.ts FOLDER\n');
    return 2;
  }
  try {
    const { ok, invariants } = await checkFolder(folder);
    process.stdout.write(invariants.map(textOf).join(''));
    return ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    process.stderr.write(`No verdict: ${error.message}\n`);
    return 2;
  }
}

export function textOf({ name, rule, state, looked, broken, violations }: InvariantVerdict): string {
  const counted = state === 'nothing seen' ? '' : `, ${looked} looked at`;
  const wrong = broken > 0 ? `, ${broken} broken` : '';
  const more = broken > violations.length ? [`and ${broken - violations.length} more`] : [];
  return `${name.padEnd(4)}${state.padEnd(13)}${rule}${counted}${wrong}\n${[...violations, ...more].map((line) => `      ${line}\n`).join('')}`;
}
