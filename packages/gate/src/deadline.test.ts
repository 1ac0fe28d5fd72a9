import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { within } from './deadline.ts';

describe('a wait', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('ends with the answer, and leaves no timer behind', async () => {
    expect(await within(100, 'Asking', Promise.resolve(7))).toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with the fault of what it waited for, and leaves no timer behind', async () => {
    await expect(within(100, 'Asking', Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends at its deadline and not before, and says what took so long', async () => {
    let fault: Error | undefined;
    const waiting = within(100, 'Asking', new Promise<never>(() => undefined)).catch((error: Error) => {
      fault = error;
    });
    await vi.advanceTimersByTimeAsync(99);
    expect(fault).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(fault?.message).toBe('Asking took longer than 100 ms');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that was given up does not crash the process when the fault comes later', async () => {
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const waiting = within(10, 'Asking', work).catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(10);
    expect(await waiting).toBe('Asking took longer than 10 ms');
    fail(new Error('too late'));
    await vi.advanceTimersByTimeAsync(1);
  });
});
