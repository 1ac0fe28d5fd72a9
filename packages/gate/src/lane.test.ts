import { describe, expect, it } from 'vitest';
import { createLane, LaneFull, WaitedTooLong } from './lane.ts';

/** A way to the gate that answers when the test says so. */
function openRoad() {
  const batches: { requests: number[]; answer(): void; fail(error: Error): void }[] = [];
  const send = (requests: number[]) =>
    new Promise<string[]>((resolve, reject) => {
      batches.push({
        requests,
        answer: () => resolve(requests.map((request) => `answer ${request}`)),
        fail: reject,
      });
    });
  return { batches, send };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const laneOf = (send: (batch: number[]) => Promise<string[]>, change = {}) =>
  createLane({ maxBatch: 3, maxInFlight: 2, maxWaiting: 10, deadlineMs: 60_000, send, ...change });

describe('requests that travel together', () => {
  it('of one turn of the event loop share one batch, and each gets its own answer', async () => {
    const { batches, send } = openRoad();
    const lane = laneOf(send);
    const answers = Promise.all([1, 2, 3].map(lane.add));
    expect(batches).toEqual([]);
    await turn();
    expect(batches.map(({ requests }) => requests)).toEqual([[1, 2, 3]]);
    batches[0]?.answer();
    expect(await answers).toEqual(['answer 1', 'answer 2', 'answer 3']);
  });

  it('go in order, in batches no larger than allowed, and no more at once than allowed', async () => {
    const { batches, send } = openRoad();
    const lane = laneOf(send);
    const answers = Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(lane.add));
    await turn();
    expect(batches.map(({ requests }) => requests)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    batches[1]?.answer();
    await turn();
    expect(batches.map(({ requests }) => requests)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8],
    ]);
    batches[0]?.answer();
    batches[2]?.answer();
    expect(await answers).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((request) => `answer ${request}`));
  });

  it('gather while others are under way, and leave as soon as one of those is back', async () => {
    const { batches, send } = openRoad();
    const lane = laneOf(send, { maxInFlight: 1 });
    const first = lane.add(1);
    await turn();
    const others = [lane.add(2), lane.add(3)];
    await turn();
    expect(batches).toHaveLength(1);
    batches[0]?.answer();
    await first;
    await turn();
    expect(batches[1]?.requests).toEqual([2, 3]);
    batches[1]?.answer();
    expect(await Promise.all(others)).toEqual(['answer 2', 'answer 3']);
  });

  it('that come later are sent too, after all others were answered', async () => {
    const lane = laneOf(async (requests) => requests.map(String));
    for (const request of [1, 2, 3]) expect(await lane.add(request)).toBe(String(request));
  });

  it('fail together with what their batch failed with, and the next ones go on', async () => {
    const { batches, send } = openRoad();
    const lane = laneOf(send, { maxBatch: 2, maxInFlight: 1 });
    const answers = Promise.allSettled([1, 2, 3].map(lane.add));
    await turn();
    const away = new Error('Redis is away');
    batches[0]?.fail(away);
    await turn();
    batches[1]?.answer();
    expect(await answers).toEqual([
      { status: 'rejected', reason: away },
      { status: 'rejected', reason: away },
      { status: 'fulfilled', value: 'answer 3' },
    ]);
  });

  it('fail when sending itself throws, and do not stop the lane', async () => {
    let broken = true;
    const lane = laneOf((requests) => {
      if (!broken) return Promise.resolve(requests.map(String));
      throw new Error('no connection');
    });
    await expect(lane.add(1)).rejects.toThrow('no connection');
    broken = false;
    expect(await lane.add(2)).toBe('2');
  });

  it('are refused at once when too many wait, rather than answered late', async () => {
    const { batches, send } = openRoad();
    const lane = laneOf(send, { maxInFlight: 1, maxBatch: 1, maxWaiting: 2 });
    const waiting = [lane.add(1), lane.add(2)];
    await expect(lane.add(3)).rejects.toBeInstanceOf(LaneFull);
    await turn();
    const oneMore = lane.add(4);
    for (const batch of [0, 1, 2]) {
      batches[batch]?.answer();
      await turn();
    }
    expect(await Promise.all([...waiting, oneMore])).toEqual(['answer 1', 'answer 2', 'answer 4']);
  });

  it('are told in time that it takes too long, though what is under way hangs, and are never sent', async () => {
    const { batches, send } = openRoad();
    const lane = laneOf(send, { maxInFlight: 1, maxBatch: 1, deadlineMs: 60 });
    const hanging = lane.add(1);
    await turn();
    await expect(lane.add(2)).rejects.toBeInstanceOf(WaitedTooLong);
    batches[0]?.answer();
    expect(await hanging).toBe('answer 1');
    const next = lane.add(3);
    await turn();
    batches[1]?.answer();
    expect(await next).toBe('answer 3');
    expect(batches.map(({ requests }) => requests)).toEqual([[1], [3]]);
  });

  it('are sent with what is left of their time', async () => {
    const left: number[] = [];
    const lane = laneOf(async (requests) => requests.map(String), {
      send: async (requests: number[], timeLeftMs: number) => (left.push(timeLeftMs), requests.map(String)),
    });
    await lane.add(1);
    expect(left[0]).toBeGreaterThan(20_000);
    expect(left[0]).toBeLessThanOrEqual(60_000);
  });
});
