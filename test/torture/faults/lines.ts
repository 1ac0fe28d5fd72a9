import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from '../line.ts';
import type { Fault } from '../plan.ts';
import type { Stage } from '../stage.ts';
import { type Deed, type Deeds, done } from './deed.ts';

/** Of a slow line, milliseconds each way. */
const delayMs = [20, 400] as const;

/** What may happen between a process and its store. */
export function lineDeeds(stage: Stage): Deeds {
  return {
    cut: forAWhile((line) => line.cut()),
    swallow: forAWhile((line) => line.swallow()),
    slow: forAWhile((line, { chance }) =>
      line.slow(Math.round(delayMs[0] + chance * (delayMs[1] - delayMs[0]))),
    ),
    async 'lose-reply'({ target }) {
      lineOf(target).loseNextReply();
      return { kind: 'done', instant: true };
    },
  };

  function forAWhile(harm: (line: Line, fault: Fault) => void): Deed {
    return async (fault) => {
      const line = lineOf(fault.target);
      harm(line, fault);
      await sleep(fault.lastsMs);
      line.heal();
      return done;
    };
  }

  function lineOf(target: string): Line {
    const line = stage.lines.get(target);
    if (line === undefined) throw new Error(`There is no line ${target}`);
    return line;
  }
}
