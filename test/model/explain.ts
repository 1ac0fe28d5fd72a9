import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { modes, nameOf, schedules } from './commands.ts';
import type { Rule } from './rules.ts';
import { allRules, rules, without } from './rules.ts';
import { play } from './world.ts';

/**
 * Tells how a rule is missed, or replays a seed: the shortest schedule found, and the laws that it breaks.
 * node test/model/explain.ts [--without RULE[,RULE]] [--schedules N] [--seed S [--path P] --mode 0..5]
 */
const { values } = parseArgs({
  options: {
    without: { type: 'string' },
    schedules: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    path: { type: 'string' },
    mode: { type: 'string' },
  },
});
const left = (values.without?.split(',') ?? []).filter((name): name is Rule => name in rules);
const keep = left.length > 0 ? without(...left) : allRules;

for (const [index, mode] of modes.entries()) {
  if (values.mode !== undefined && Number(values.mode) !== index) continue;
  const startedAt = performance.now();
  const found = fc.check(
    fc.property(schedules(mode), (schedule) => play(schedule, keep).length === 0),
    {
      numRuns: Number(values.schedules),
      seed: Number(values.seed),
      ...(values.path === undefined ? {} : { path: values.path }),
    },
  );
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`mode ${index} (${nameOf(mode)}): ${found.numRuns} schedules in ${seconds.toFixed(1)} s`);
  const [shortest] = found.counterexample ?? [];
  if (!shortest) continue;
  console.log(
    `  seed ${found.seed}, path ${found.counterexamplePath}, shop ${JSON.stringify(shortest.shop)}`,
  );
  for (const command of shortest.commands) console.log(`  ${JSON.stringify(command)}`);
  for (const { law, detail } of play(shortest, keep)) console.log(`  BROKEN: ${law}: ${detail}`);
}
