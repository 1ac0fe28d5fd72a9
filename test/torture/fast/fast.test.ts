import { describe, expect, it } from 'vitest';
import { playFast } from './fast.ts';
import { scheduleOf } from './schedule.ts';

describe('fast schedules', () => {
  it('follow from their seed', () => {
    expect(scheduleOf(7)).toEqual(scheduleOf(7));
    expect(scheduleOf(7)).not.toEqual(scheduleOf(8));
  });

  it('of crashes, freezes, lost replies and lost memory break no law, and some of each are met', async () => {
    const told: string[] = [];
    const { played, broken, faults } = await playFast(
      { schedules: 8, seed: 404, minutes: null, tells: true },
      (line) => told.push(line),
    );
    for (const { story } of broken) console.log(story.join('\n'));
    expect(broken.map(({ seed, laws }) => ({ seed, laws }))).toEqual([]);
    expect(faults).toEqual([]);
    expect(played).toBe(8);
    const story = told.join('\n');
    for (const fault of [' dies ', ' freezes ', ' is started again', 'the gate of'])
      expect(story).toContain(fault);
  }, 180_000);
});
