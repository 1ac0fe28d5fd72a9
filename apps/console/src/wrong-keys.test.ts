import { describe, expect, it } from 'vitest';
import { createWrongKeys, mostWrongKeys } from './wrong-keys.ts';

describe('who tries keys', () => {
  it('has to wait after too many wrong ones, and may try again a minute after the first', () => {
    let now = 0;
    const keys = createWrongKeys(() => now);
    for (let tries = 1; tries < mostWrongKeys; tries++) keys.wrong('a');
    expect(keys.waitFor('a', 'next')).toBeNull();
    keys.wrong('a');
    expect(keys.waitFor('a', 'next')).toBe(60);
    expect(keys.waitFor('b', 'next')).toBeNull();
    now = 59_999;
    expect(keys.waitFor('a', 'next')).toBe(1);
    now = 60_000;
    expect(keys.waitFor('a', 'next')).toBeNull();
  });

  it('does not hold up a key that was right before', () => {
    const keys = createWrongKeys(() => 0);
    keys.right('the right one');
    for (let tries = 0; tries < mostWrongKeys; tries++) keys.wrong('a');
    expect(keys.waitFor('a', 'the right one')).toBeNull();
    expect(keys.waitFor('a', 'another right one')).not.toBeNull();
  });

  it('is not counted without an address', () => {
    const keys = createWrongKeys(() => 0);
    for (let tries = 0; tries < 2 * mostWrongKeys; tries++) keys.wrong(null);
    expect(keys.waitFor(null, 'next')).toBeNull();
  });
});
