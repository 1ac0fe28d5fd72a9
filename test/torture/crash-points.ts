/**
 * Crash points for real processes: loaded before an edge, a worker or a console, which then dies at a named point.
 *
 *   NODE_OPTIONS="--import <this file>" HOLDFAST_CRASH=after:gate:admit:3 node apps/edge/src/main.ts
 *
 * A point is `<before|after>:<room>:<verb>`: before a command leaves the process, or when its reply has come and nobody
 * has heard of it yet; `before:answer` and `after:answer` for what HTTP answers.
 *
 * HOLDFAST_CRASH      `<point>[:<nth>]` dies when the point is passed for the nth time, from 1 on;
 *                     `random:<seed>:<N>` dies at each point with a chance of 1 in N
 * HOLDFAST_CRASH_MET  a file to which every point is added, a line each, when it is passed for the first time
 */
import { appendFileSync, writeSync } from 'node:fs';
import { watchEffects } from './effects.ts';
import { createRandom } from './random.ts';

const stderr = 2;

const asked = process.env['HOLDFAST_CRASH'] ?? '';
const metFile = process.env['HOLDFAST_CRASH_MET'] ?? '';

if (asked !== '' || metFile !== '') {
  const isLast = lastPoint(asked);
  const met = new Set<string>();
  const pass = (point: string): undefined => {
    if (metFile !== '' && !met.has(point)) {
      met.add(point);
      appendFileSync(metFile, `${point}\n`);
    }
    if (!isLast(point)) return;
    writeSync(stderr, `crash point ${point}\n`);
    process.kill(process.pid, 'SIGKILL');
  };
  watchEffects({
    before: (point) => pass(`before:${point}`),
    after: (point) => pass(`after:${point}`),
  });
}

/** Says of each point that is passed whether it is where the process dies. Throws for a setting that it does not know. */
function lastPoint(setting: string): (point: string) => boolean {
  if (setting === '') return () => false;
  const random = /^random:(\d+):(\d+)$/.exec(setting);
  if (random !== null) {
    const chance = createRandom(String(random[1]));
    const oneIn = Number(random[2]);
    return () => chance.whole(1, oneIn) === 1;
  }
  const named = /^((?:before|after):.+?)(?::(\d+))?$/.exec(setting);
  if (named === null) throw new Error(`HOLDFAST_CRASH=${setting} is neither a point nor random:<seed>:<N>`);
  let left = Number(named[2] ?? 1);
  return (point) => point === named[1] && --left === 0;
}
