import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('the verifier knows every kind of event that a journal may have', () => {
  const [, kinds = ''] =
    read('packages/core/src/journal.ts').match(
      /type ReservationEventType =([\s\S]*?)export type EventType/,
    ) ?? [];
  const names = [...kinds.matchAll(/\| '([a-z_]+)'/g)].map(([, name]) => name as string);
  expect(names.length).toBeGreaterThan(20);
  const verifier = read('apps/cli/src/verify/replay.ts');
  const unknown = names.filter((name) => !new RegExp(`^  (?:'${name}',|${name}: )`, 'm').test(verifier));
  expect(unknown, 'add them to apps/cli/src/verify/replay.ts, with what they do to units').toEqual([]);
});
