import { describe, expect, it } from 'vitest';
import { makeCursor, maxPage, readCursor, reservationsQuery } from './page.ts';

describe('a page', () => {
  it('goes on where the last one ended', () => {
    expect(readCursor(makeCursor([1, 1042]), 'number')).toEqual([1, 1042]);
    expect(readCursor(makeCursor([1_795_000_000_000, 'tees']), 'string')).toEqual([
      1_795_000_000_000,
      'tees',
    ]);
  });

  it.each([
    'x',
    'e30',
    makeCursor([1]),
    makeCursor([-1, 2]),
    makeCursor([1.5, 2]),
    makeCursor([1, 'a']),
    makeCursor([1e300, 2]),
  ])('begins nowhere with a made-up cursor: %s', (cursor) => {
    expect(readCursor(cursor, 'number')).toBeNull();
  });

  it('has 100 entries unless asked, and never more than the most', () => {
    expect(reservationsQuery.parse({}).limit).toBe(100);
    expect(reservationsQuery.parse({ limit: String(maxPage) }).limit).toBe(maxPage);
    expect(reservationsQuery.safeParse({ limit: String(maxPage + 1) }).success).toBe(false);
    for (const limit of ['0', '-1', '1.5', 'ten', '1e9', 'NaN'])
      expect(reservationsQuery.safeParse({ limit }).success).toBe(false);
  });

  it('is filtered by a status that exists', () => {
    expect(reservationsQuery.parse({ status: 'held' }).status).toBe('held');
    expect(reservationsQuery.safeParse({ status: 'sold' }).success).toBe(false);
  });
});
