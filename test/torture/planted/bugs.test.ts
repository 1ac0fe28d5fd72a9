import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { plantedBugs } from './bugs.ts';

it('every planted bug still finds what it changes, once', () => {
  const lost = plantedBugs.flatMap(({ name, changes }) =>
    changes
      .filter(({ file, find }) => readFileSync(file, 'utf8').split(find).length !== 2)
      .map(({ file, find }) => `${name}: ${file}: ${find.slice(0, 60)}`),
  );
  expect(lost).toEqual([]);
  expect(new Set(plantedBugs.map(({ name }) => name)).size).toBe(plantedBugs.length);
});
