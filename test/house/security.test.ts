/** SECURITY.md names tests; each of them must be there, and no line of its tables may go without one. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'SECURITY.md'), 'utf8');
const named = [...text.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file]) => file as string);

describe('SECURITY.md', () => {
  it('names tests that there are', () => {
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('goes through all ten points of the list, and has a test for every one and for every attack on the stock', () => {
    const rows = text
      .split('\n')
      .filter((line) => /^\| .* \| .* \| .* \|$/.test(line) && !/held by/.test(line));
    const points = rows.flatMap((row) => /^\| API(\d+) /.exec(row)?.[1] ?? []);
    expect(points.map(Number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.filter((row) => !row.includes('.test.ts`'))).toEqual([]);
  });

  it('names files that there are', () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, file]) => file as string);
    expect(links.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});
