import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { programOf } from '@holdfast/runtime/local-stores';
import type { Stage } from '../stage.ts';
import { type Deeds, done } from './deed.ts';

const crashPoints = fileURLToPath(new URL('../crash-points.ts', import.meta.url));
/** At each point a process dies with a chance of one in something between the two. */
const oneIn = [20, 300] as const;
const hour = 3_600;
const metFile = 'crash-points.txt';

/** Lives that are different for a while: with crash points, with another clock; and ends that are asked for. */
export function livesDeeds(stage: Stage, say: (line: string) => void): Deeds {
  return {
    async 'crash-points'({ target, lastsMs, chance, number }) {
      const app = stage.app(target);
      const odds = Math.round(oneIn[0] * (oneIn[1] / oneIn[0]) ** chance);
      const deaths = app.deaths;
      await app.restartWith({
        NODE_OPTIONS: `--import ${crashPoints}`,
        HOLDFAST_CRASH: `random:${number}:${odds}`,
        HOLDFAST_CRASH_MET: join(stage.folder, metFile),
      });
      await sleep(lastsMs);
      await app.restartWith({});
      return { kind: 'done', detail: `died ${app.deaths - deaths} times, at one point in ${odds}` };
    },

    async drain({ target }) {
      const app = stage.app(target);
      if (app.pid === null) return { kind: 'skipped', why: `${target} was dead` };
      app.signal('SIGTERM');
      return { kind: 'done', instant: true };
    },

    async clock({ target, lastsMs, chance }) {
      const library = await fakeTime(say);
      if (typeof library !== 'string') return { kind: 'skipped', why: library.why };
      const app = stage.app(target);
      const offset = chance < 0.5 ? -hour : hour;
      await app.restartWith({
        LD_PRELOAD: library,
        FAKETIME: `${offset < 0 ? '' : '+'}${offset}s`,
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      });
      await sleep(lastsMs);
      await app.restartWith({});
      return { ...done, detail: `${offset < 0 ? 'an hour behind' : 'an hour ahead'}` };
    },
  };
}

export interface CrashPoints {
  /** All that processes with crash points came by, and those at which one died. */
  met: string[];
  diedAt: string[];
}

export function crashPointsOf({ folder }: Stage): CrashPoints {
  const file = join(folder, metFile);
  const met = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const logs = globSync('logs/*.log', { cwd: folder }).map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  );
  const diedAt = logs.flatMap((text) =>
    [...text.matchAll(/^crash point (\S+)$/gm)].map(([, point]) => point ?? ''),
  );
  return { met: [...new Set(met)].sort(), diedAt: [...new Set(diedAt)].sort() };
}

/** The library that moves a process's clock, installed when that is possible without asking. */
export async function fakeTime(say: (line: string) => void): Promise<string | { why: string }> {
  const find = () => globSync('/usr/lib/{*/,}faketime/libfaketime.so.1')[0] ?? null;
  try {
    return await programOf(
      {
        name: 'libfaketime',
        find,
        apt: 'libfaketime',
        paste: {
          dnf: 'sudo dnf install -y libfaketime',
          apk: 'sudo apk add libfaketime',
          pacman: 'sudo pacman -S --noconfirm libfaketime',
          other: 'nothing: it is not there for this system',
        },
        installSeconds: 120,
      },
      say,
    );
  } catch (error) {
    return { why: (error as Error).message };
  }
}
