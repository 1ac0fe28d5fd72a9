/**
 * Processes that are none: each has connections and memory of its own, and can be killed, frozen or cut off at any of
 * its effects, while the others in this real process go on. Nothing of a dead one is ever carried out or heard of again.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type Carrier, type Verdict, watchEffects } from '../effects.ts';

/**
 * What may happen to a process at one of its effects. `dies`; `loses`: the command, or its reply, and the process is
 * told that the connection broke; `late`: the same, but the command is carried out all the same, some time later;
 * `freezes`: until it is thawed; `copied`: nothing, but the gate's memory of this instant is kept, to be set back later.
 */
export type FaultKind = 'dies' | 'loses' | 'late' | 'freezes' | 'copied';

export interface Fault {
  kind: FaultKind;
  /** At the how-manieth instant from now on; an effect has one before it and one after it. */
  at: number;
}

export type Ended<Answer> =
  | { kind: 'done'; answer: Answer }
  | { kind: 'failed'; error: Error }
  | { kind: 'dead' };

export interface Simulated {
  name: string;
  isAlive(): boolean;
  isFrozen(): boolean;
  /** Replaces what was armed before. */
  arm(fault: Fault): void;
  disarm(): void;
  thaw(): void;
  kill(): void;
  /** Resolves at the next freeze, or when it is dead. */
  stuck(): Promise<void>;
  /** Carries out `work` as this process. Never rejects; `dead` as soon as the process is. */
  run<Answer>(work: () => Promise<Answer>): Promise<Ended<Answer>>;
}

export interface SimulatedOptions {
  /** Called at `copied`; the process stands still meanwhile. */
  copy(): Promise<void>;
  /** Tells the story. */
  note(line: string): void;
  /** What is called `late` is handed over here, to be carried out when the time comes. */
  postpone(deliver: () => void): void;
}

interface Inside {
  before(point: string, carrier: Carrier, deliver: () => void): Verdict;
  after(point: string, carrier: Carrier): Verdict;
  opened(carrier: Carrier): void;
}

/** What an edge adds to its counts once a second: when that comes is chance that no seed has. */
const byTheClock = /^gate:(hincrby|expire)$/;

const current = new AsyncLocalStorage<Inside>();
const owners = new WeakMap<object, Inside>();

/** Once, before any simulated process is made. */
export function simulateProcesses(): void {
  watchEffects({
    before: (point, carrier, deliver) => owners.get(carrier)?.before(point, carrier, deliver),
    after: (point, carrier) => owners.get(carrier)?.after(point, carrier),
    opened(carrier) {
      const owner = owners.get(carrier) ?? current.getStore();
      if (owner === undefined) return;
      owners.set(carrier, owner);
      owner.opened(carrier);
    },
  });
}

export function createSimulated(name: string, { copy, note, postpone }: SimulatedOptions): Simulated {
  const connections = new Set<Carrier>();
  const death = Promise.withResolvers<void>();
  let alive = true;
  let frozen: PromiseWithResolvers<void> | null = null;
  let stuck = Promise.withResolvers<void>();
  let fault: Fault | null = null;

  function kill(): void {
    if (!alive) return;
    alive = false;
    death.resolve();
    stuck.resolve();
    for (const connection of connections) cut(connection);
    frozen?.resolve();
  }

  /** What is frozen goes on when it is thawed, unless it is dead by then. */
  function thawed(until: Promise<void>): Promise<void> {
    return until.then(() => (alive ? undefined : new Promise<never>(() => undefined)));
  }

  function meet(when: 'before' | 'after', point: string, carrier: Carrier, deliver?: () => void): Verdict {
    if (!alive) return 'never';
    if (frozen !== null) return thawed(frozen.promise);
    if (fault === null || byTheClock.test(point) || --fault.at > 0) return undefined;
    const { kind } = fault;
    fault = null;
    note(`${name} ${kind} ${when} ${point}`);
    switch (kind) {
      case 'dies':
        kill();
        return 'never';
      case 'freezes':
        frozen = Promise.withResolvers();
        stuck.resolve();
        return thawed(frozen.promise);
      case 'copied':
        return copy();
      case 'late':
      case 'loses':
        if (kind === 'late' && deliver !== undefined && carrier instanceof Redis) postpone(deliver);
        // A statement never comes back over another connection; a command of the gate is sent again.
        if (carrier instanceof pg.Client) cut(carrier);
        return new Error('the connection broke');
    }
  }

  const inside: Inside = {
    before: (point, carrier, deliver) => meet('before', point, carrier, deliver),
    after: (point, carrier) => meet('after', point, carrier),
    opened(carrier) {
      connections.add(carrier);
      if (!alive) setImmediate(cut, carrier);
    },
  };

  return {
    name,
    isAlive: () => alive,
    isFrozen: () => frozen !== null && alive,
    arm(next) {
      fault = { ...next };
    },
    disarm() {
      fault = null;
    },
    thaw() {
      if (frozen === null || !alive) return;
      note(`${name} is thawed`);
      frozen.resolve();
      frozen = null;
      stuck = Promise.withResolvers();
    },
    kill() {
      if (alive) note(`${name} is killed`);
      kill();
    },
    stuck: () => stuck.promise,
    run: (work) =>
      Promise.race([
        current.run(inside, work).then(
          (answer) => ({ kind: 'done' as const, answer }),
          (error: unknown) => ({ kind: 'failed' as const, error: error as Error }),
        ),
        death.promise.then(() => ({ kind: 'dead' as const })),
      ]),
  };
}

function cut(carrier: Carrier): void {
  if (carrier instanceof Redis) carrier.disconnect();
  else if (carrier instanceof pg.Client)
    (carrier as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
