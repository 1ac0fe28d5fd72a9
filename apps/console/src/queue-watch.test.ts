import { describe, expect, it } from 'vitest';
import { shared } from './queue-watch.ts';

describe('a look at the queues', () => {
  it('is one look a second, however many watch', async () => {
    let looks = 0;
    let at = 0;
    const look = shared(
      async () => ++looks,
      900,
      () => at,
    );
    expect(await Promise.all([look(), look(), look()])).toEqual([1, 1, 1]);
    at = 900;
    expect(await look()).toBe(1);
    at = 901;
    expect(await look()).toBe(2);
  });

  it('that failed is taken again at once', async () => {
    let looks = 0;
    const look = shared(
      async () => {
        if (++looks === 1) throw new Error('away');
        return looks;
      },
      900,
      () => 0,
    );
    await expect(look()).rejects.toThrow('away');
    expect(await look()).toBe(2);
  });
});
