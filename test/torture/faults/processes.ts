import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage, StoreAt } from '../stage.ts';
import { type Deeds, done } from './deed.ts';

/** Killing and freezing. */
export function processDeeds(stage: Stage): Deeds {
  return {
    'kill-worker': killApp,
    'kill-edge': killApp,
    'kill-console': killApp,
    'kill-redis': ({ lastsMs }) => killStore(stage.redis, lastsMs),
    'kill-postgres': ({ lastsMs }) => killStore(stage.postgres, lastsMs),

    /** Both at once, and back one after the other. */
    async 'stores-apart'({ lastsMs, chance }) {
      const [first, second] = chance < 0.5 ? [stage.redis, stage.postgres] : [stage.postgres, stage.redis];
      await Promise.all([first.store.kill(), second.store.kill()]);
      await first.store.restart();
      await sleep(lastsMs);
      await second.store.restart();
      return { kind: 'done', detail: `${chance < 0.5 ? 'Redis' : 'Postgres'} came back first` };
    },

    async 'freeze-app'({ target, lastsMs }) {
      const { pid } = stage.app(target);
      if (pid === null) return { kind: 'skipped', why: `${target} was dead` };
      await freeze([pid], lastsMs);
      return done;
    },

    async 'freeze-store'({ target, lastsMs }) {
      const { pid } = (target === 'redis' ? stage.redis : stage.postgres).store;
      if (pid === null) return { kind: 'skipped', why: `${target} was dead` };
      await freeze([pid, ...childrenOf(pid)], lastsMs);
      return done;
    },
  };

  async function killApp({ target }: { target: string }) {
    const app = stage.app(target);
    if (app.pid === null) return { kind: 'skipped', why: `${target} was dead` } as const;
    app.signal('SIGKILL');
    return { kind: 'done', instant: true } as const;
  }
}

async function killStore({ store }: StoreAt, downMs: number) {
  await store.kill();
  await sleep(downMs);
  await store.restart();
  return done;
}

async function freeze(pids: readonly number[], lastsMs: number): Promise<void> {
  for (const pid of pids) send(pid, 'SIGSTOP');
  await sleep(lastsMs);
  for (const pid of pids) send(pid, 'SIGCONT');
}

/** Who has died meanwhile needs no signal. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone.
  }
}

/** A frozen Postgres is all of its processes. */
function childrenOf(parent: number): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent)
    .map(([pid]) => pid as number);
}
