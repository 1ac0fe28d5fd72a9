import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test.each([
  ['the verifier', 'apps/cli/src/verify/replay.ts'],
  ['the checker', 'test/checker/path.ts'],
])('%s knows every kind of event that a journal may have', (_, file) => {
  const [, kinds = ''] =
    read('packages/core/src/journal.ts').match(
      /type ReservationEventType =([\s\S]*?)export type EventType/,
    ) ?? [];
  const names = [...kinds.matchAll(/\| '([a-z_]+)'/g)].map(([, name]) => name as string);
  expect(names.length).toBeGreaterThan(20);
  const judge = read(file);
  const unknown = names.filter(
    (name) => !new RegExp(`^  (?:'${name}',|\\['${name}', |${name}: )`, 'm').test(judge),
  );
  expect(unknown, `add them to ${file}, with what they do to units`).toEqual([]);
});
