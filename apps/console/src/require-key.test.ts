import { describe, expect, it } from 'vitest';
import { keyCheck } from './require-key.ts';

describe('the key', () => {
  const hasKey = keyCheck('correct-key');

  it('opens the console', () => {
    expect(hasKey('Bearer correct-key')).toBe(true);
    expect(hasKey('bearer correct-key')).toBe(true);
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
  ])('does not open it as %s', (header) => {
    expect(hasKey(header)).toBe(false);
  });

  it('is not opened by an empty key when none was set', () => {
    expect(keyCheck('')(undefined)).toBe(false);
    expect(keyCheck('')('Bearer ')).toBe(false);
  });
});
