/**
 * Gathers what arrives in one turn of the event loop into batches, and sends a few at a time: while those are under
 * way, the next ones fill. A batch of 16 to 64 costs Redis a third of what as many single calls would, and the batches
 * of one turn share one fsync.
 */
export interface Lane<Request, Answer> {
  /** Rejects when the lane is full, when the request waited too long, or with what `send` rejects with. */
  add(request: Request): Promise<Answer>;
}

export interface LaneOptions<Request, Answer> {
  maxBatch: number;
  maxInFlight: number;
  /** Requests that may wait; more are refused at once rather than answered late. */
  maxWaiting: number;
  /** From the moment that a request comes to its answer, milliseconds. */
  deadlineMs: number;
  /** Answers in the order of the requests, or rejects within `timeLeftMs`. */
  send(batch: Request[], timeLeftMs: number): Promise<Answer[]>;
}

export class LaneFull extends Error {}

/** It was never sent: nothing has happened to it. */
export class WaitedTooLong extends Error {}

/** How much of its deadline a request may spend waiting; a third is kept for the way there and back. */
const waitingShare = 2 / 3;

interface Waiting<Request, Answer> {
  request: Request;
  since: number;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

export function createLane<Request, Answer>(options: LaneOptions<Request, Answer>): Lane<Request, Answer> {
  let waiting: Waiting<Request, Answer>[] = [];
  let inFlight = 0;
  let scheduled = false;
  let clock: NodeJS.Timeout | undefined;
  const longestWaitMs = options.deadlineMs * waitingShare;

  function flush(): void {
    scheduled = false;
    turnAwayTheLate();
    while (waiting.length > 0 && inFlight < options.maxInFlight) {
      const batch = waiting.length <= options.maxBatch ? waiting : waiting.slice(0, options.maxBatch);
      waiting = batch === waiting ? [] : waiting.slice(options.maxBatch);
      void sendBatch(batch);
    }
    if (waiting.length > 0) watchTheClock();
  }

  async function sendBatch(batch: Waiting<Request, Answer>[]): Promise<void> {
    inFlight++;
    const timeLeftMs = options.deadlineMs - (performance.now() - (batch[0]?.since ?? 0));
    try {
      const requests = batch.map((one) => one.request);
      const answers = await options.send(requests, timeLeftMs);
      for (const [index, one] of batch.entries()) one.resolve(answers[index] as Answer);
    } catch (error) {
      for (const one of batch) one.reject(error);
    } finally {
      inFlight--;
      flush();
    }
  }

  /** Those in front have waited longest. Where everything goes out at once, as it does when all is well, there is nobody. */
  function turnAwayTheLate(): void {
    const latest = performance.now() - longestWaitMs;
    let late = 0;
    while (late < waiting.length && (waiting[late]?.since ?? 0) <= latest) late++;
    if (late > 0)
      for (const one of waiting.splice(0, late))
        one.reject(new WaitedTooLong('The gate is too slow for all who ask'));
  }

  /** What is under way may hang; those who wait for it are told in time all the same. */
  function watchTheClock(): void {
    clock ??= setTimeout(() => {
      clock = undefined;
      turnAwayTheLate();
      if (waiting.length > 0) watchTheClock();
    }, longestWaitMs / 4).unref();
  }

  return {
    add(request) {
      if (waiting.length >= options.maxWaiting)
        return Promise.reject(new LaneFull('Too many requests wait for the gate'));
      return new Promise((resolve, reject) => {
        waiting.push({ request, since: performance.now(), resolve, reject });
        if (inFlight >= options.maxInFlight) watchTheClock();
        else if (!scheduled) {
          scheduled = true;
          setImmediate(flush);
        }
      });
    },
  };
}
