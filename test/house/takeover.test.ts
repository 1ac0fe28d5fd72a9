import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const numberIn = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1]?.replaceAll('_', ''));

/** A promise of 3 s is kept by settings; that nothing else has to be waited for is held by test/fault/processes.test.ts. */
test('whoever takes over from a worker that froze in its transaction has begun within 3 s: the ledger cuts it off, and the next look of the sweep follows', () => {
  const cutOffMs = numberIn(read('packages/ledger/src/database.ts'), /transactionTimeoutMs \?\? ([\d_]+)/);
  const sweep = read('packages/pipeline/src/sweep.ts');
  const everyMs = numberIn(sweep, /everyMs = ([\d_]+)/);
  expect(sweep, 'at most a quarter more than that').toContain('everyMs * (0.75 + Math.random() / 2)');
  expect(cutOffMs).toBeGreaterThan(0);
  expect(everyMs).toBeGreaterThan(0);
  expect(cutOffMs + 1.25 * everyMs).toBeLessThan(3_000);
});
