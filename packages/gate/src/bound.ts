import { LaneFull } from './lane.ts';

/** Lets so much happen at a time; more is refused at once, with `LaneFull`, rather than piled up. */
export type Bound = <Answer>(work: () => Promise<Answer>) => Promise<Answer>;

export function createBound(most: number): Bound {
  let inside = 0;
  return async (work) => {
    if (inside >= most) throw new LaneFull('Too many requests wait for the gate');
    inside++;
    try {
      return await work();
    } finally {
      inside--;
    }
  };
}
