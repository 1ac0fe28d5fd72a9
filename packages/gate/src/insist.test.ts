import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { insist } from './insist.ts';

/** Redis that is away for the first calls. */
function awayFor(calls: number) {
  let sent = 0;
  const send = async () => {
    sent++;
    if (sent <= calls) throw new Error(`away ${sent}`);
    return `answer ${sent}`;
  };
  return { send, sent: () => sent };
}

describe('a call to a gate that may be away', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is sent once when it is answered', async () => {
    const { send, sent } = awayFor(0);
    expect(await insist(1_000, 'Asking', send)).toBe('answer 1');
    expect(sent()).toBe(1);
  });

  it('is sent again until it is answered', async () => {
    const { send } = awayFor(3);
    const answer = insist(1_000, 'Asking', send);
    await vi.advanceTimersByTimeAsync(150);
    expect(await answer).toBe('answer 4');
  });

  it('is given up at its deadline with the last fault, and is not sent after it', async () => {
    const { send, sent } = awayFor(Number.POSITIVE_INFINITY);
    const outcome = insist(120, 'Asking', send).catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(120);
    expect(await outcome).toBe('away 3');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent()).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not sent again to one that takes no writes', async () => {
    for (const fault of ['OOM command not allowed', 'READONLY a replica', 'MISCONF disk']) {
      let sent = 0;
      const send = async () => {
        sent++;
        throw new Error(fault);
      };
      await expect(insist(1_000, 'Asking', send)).rejects.toThrow(fault);
      expect(sent).toBe(1);
    }
  });

  it('that never comes back ends at the deadline, too', async () => {
    const outcome = insist(120, 'Asking', () => new Promise<never>(() => undefined)).catch(
      (error: Error) => error.message,
    );
    await vi.advanceTimersByTimeAsync(120);
    expect(await outcome).toBe('Asking took longer than 120 ms');
  });
});
