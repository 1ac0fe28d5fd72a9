import { describe, expect, it } from 'vitest';
import { outcomeOf, retryDelayMs, webhookGiveUpAfterMs, webhookMessageId } from './webhooks.ts';

const second = 1_000;
const hour = 3_600 * second;

/** The pauses of a receiver that never comes back. */
function pauses(jitter: number): number[] {
  const all: number[] = [];
  for (let attempts = 1, failingForMs = 0; ; attempts++) {
    const pause = retryDelayMs(attempts, failingForMs, jitter);
    if (pause === null) return all;
    all.push(pause);
    failingForMs += pause;
  }
}

describe('a receiver that is away', () => {
  it('is asked again after two seconds, then after twice as long each time, and every four hours in the end', () => {
    expect(pauses(0).slice(0, 5)).toEqual([2, 4, 8, 16, 32].map((seconds) => seconds * second));
    expect(pauses(0).slice(12, 16)).toEqual([8_192 * second, 4 * hour, 4 * hour, 4 * hour]);
  });

  it.each([0, 0.5, 1])('is asked for three days to the millisecond, with jitter %d', (jitter) => {
    const all = pauses(jitter);
    expect(all.reduce((sum, pause) => sum + pause, 0)).toBe(webhookGiveUpAfterMs);
    expect(all.length).toBeGreaterThan(28);
    expect(all.length).toBeLessThan(45);
  });

  it('comes back a quarter earlier at most, by chance', () => {
    expect(retryDelayMs(1, 0, 1)).toBe(1_500);
    expect(retryDelayMs(100, 0, 1)).toBe(3 * hour);
  });

  it('is left alone for as long as it asks, four hours at most, and never beyond the third day', () => {
    expect(retryDelayMs(1, 0, 0, 60 * second)).toBe(60 * second);
    expect(retryDelayMs(5, 0, 0, second)).toBe(32 * second);
    expect(retryDelayMs(1, 0, 0, 400 * hour)).toBe(4 * hour);
    expect(retryDelayMs(1, webhookGiveUpAfterMs - second, 0, hour)).toBe(second);
  });

  it('is given up the instant after three days, and not the instant before', () => {
    expect(retryDelayMs(40, webhookGiveUpAfterMs - 1, 0)).toBe(1);
    expect(retryDelayMs(40, webhookGiveUpAfterMs, 0)).toBeNull();
    expect(retryDelayMs(1_000_000, webhookGiveUpAfterMs + 1, 0)).toBeNull();
  });
});

describe('an answer', () => {
  it.each([
    [199, 'status'],
    [200, 'delivered'],
    [204, 'delivered'],
    [299, 'delivered'],
    [300, 'redirect'],
    [302, 'redirect'],
    [399, 'redirect'],
    [400, 'status'],
    [409, 'status'],
    [410, 'gone'],
    [411, 'status'],
    [503, 'status'],
  ])('%d is %s', (status, outcome) => {
    expect(outcomeOf({ kind: 'answered', status })).toBe(outcome);
  });

  it('that never came is why it did not', () => {
    expect(outcomeOf({ kind: 'unanswered', why: 'timeout' })).toBe('timeout');
  });
});

describe('the id of a message', () => {
  it('is one per sale and position, and has no dot, which would end it in what is signed', () => {
    const ids = [
      webhookMessageId('drop', 12),
      webhookMessageId('drop-1', 2),
      webhookMessageId('drop.1', 2),
      webhookMessageId('drop_1', 2),
    ];
    expect(ids).toEqual(['drop-12', 'drop-1-2', 'drop~1-2', 'drop_1-2']);
  });
});
