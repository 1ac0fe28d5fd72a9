import { describe, expect, it } from 'vitest';
import { keyCheck, keyIn } from './require-key.ts';

describe('the key', () => {
  const isKey = keyCheck('correct-key');
  const opens = (header: string | undefined) => {
    const key = keyIn(header);
    return key !== null && isKey(key);
  };

  it('opens the console', () => {
    expect(opens('Bearer correct-key')).toBe(true);
    expect(opens('bearer correct-key')).toBe(true);
  });

  it.each([
    undefined,
    '',
    'correct-key',
    'Bearer',
    'Bearer ',
    'Bearer correct-ke',
    'Bearer correct-key2',
    'Basic correct-key',
    'Bearer correct key',
    `Bearer ${'k'.repeat(513)}`,
  ])('does not open it as %s', (header) => {
    expect(opens(header)).toBe(false);
  });

  it('is not opened by an empty key when none was set', () => {
    expect(keyIn(undefined)).toBeNull();
    expect(keyIn('Bearer ')).toBeNull();
  });
});
