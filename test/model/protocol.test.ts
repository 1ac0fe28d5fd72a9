import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { caught, holds } from './check.ts';
import type { Mode } from './commands.ts';
import { modes, nameOf, schedules } from './commands.ts';
import { moves } from './laws.ts';
import type { Rule } from './rules.ts';
import { allRules, rules, without } from './rules.ts';
import { act, comeToRest, createWorld } from './world.ts';

const seed = 1;
const schedulesPerMode = 3_000;
const schedulesPerRule = 6_000;
const patience = 60_000;

/** What a rule needs to be missed. The others are missed in every mode. */
const onlyWith: Partial<Record<Rule, Partial<Mode>>> = {
  compareEpoch: { loss: true },
  raiseRevision: { loss: true },
  raiseEpoch: { loss: true },
  checkAnchor: { loss: true },
  wholeTip: { loss: true },
  fencedSettle: { loss: true },
  continueJournal: { loss: true },
  ledgerLimit: { loss: true },
  steadyRun: { loss: true },
  carryOver: { loss: true },
  rebuildTickets: { loss: true },
  rebuildBuyers: { loss: true },
  rebuildStatus: { loss: true },
  rebuildClock: { loss: true },
  keysFirst: { loss: true },
  sayNotWhole: { loss: true },
  ticketsOfThisGate: { loss: true },
  noteMoves: { loss: true },
  continueRestoring: { loss: true },
  edgeRemembers: { loss: true },
  requeueBehind: { loss: true },
  rebuildWaiting: { loss: true, waitlist: true },
  waitersByGate: { waitlist: true },
  waitlistAtGate: { waitlist: true },
  ledgerStock: { strays: true },
  secondLook: { strays: true },
  mendLeaks: { strays: true },
  mendByLedger: { strays: true },
  rebuildTooHigh: { strays: true },
};

/** Either of the two is enough, so neither is missed alone; kept both, since each costs nothing and they fail apart. */
const oneOfTwo: readonly (readonly [Rule, Rule])[] = [
  ['compareEpoch', 'raiseRevision'],
  ['ticketVersions', 'onlyNews'],
  ['releasedMaximum', 'onlyNews'],
];
const backedUp = new Set<Rule>(['compareEpoch', 'raiseRevision', 'ticketVersions', 'releasedMaximum']);

const everyMove = Object.entries(moves).flatMap(([from, all]) => all.map((to) => `${from} to ${to}`));
const everyReason = ['asked', 'lapsed', 'limit_reached', 'sold_out', 'closed', 'quarantined', 'known'];
const everySale = ['sale open', 'sale paused', 'sale closed'];

describe('with all rules no law is ever broken', () => {
  test.for(modes.map((mode) => [nameOf(mode), mode] as const))('%s', { timeout: patience }, ([, mode]) => {
    holds(mode, allRules, schedulesPerMode, seed);
  });
});

test('the schedules reach every state, every reason, and many a rebuild', { timeout: patience }, () => {
  const seen = new Set<string>();
  let rebuilds = 0;
  for (const mode of modes) {
    for (const schedule of fc.sample(schedules(mode), { numRuns: 1_000, seed })) {
      const world = createWorld(schedule.shop, allRules);
      for (const command of schedule.commands) act(world, command);
      comeToRest(world);
      rebuilds += world.database.ledger.epoch - 1;
      for (const { ticket, from, status, reason, sale } of world.database.ledger.journal) {
        seen.add(ticket === '' ? `sale ${sale}` : `${from} to ${status}`).add(reason);
      }
    }
  }
  expect([...seen]).toEqual(expect.arrayContaining([...everyMove, ...everyReason, ...everySale]));
  expect(rebuilds).toBeGreaterThan(1_000);
});

describe('a rule that is left out is missed', () => {
  const alone = [...allRules].filter((rule) => !backedUp.has(rule));
  test.for(alone)('%s', { timeout: patience }, (rule) => {
    expect(firstCaught([rule]), rules[rule]).toBeDefined();
  });
  test.for(oneOfTwo)('%s and %s together', { timeout: patience }, (both) => {
    expect(firstCaught(both)).toBeDefined();
  });
});

function firstCaught(left: readonly Rule[]) {
  for (const mode of modes) {
    if (!left.every((rule) => suits(mode, onlyWith[rule]))) continue;
    const found = caught(mode, without(...left), schedulesPerRule, seed);
    if (found) return found;
  }
  return undefined;
}

function suits(mode: Mode, needs: Partial<Mode> = {}): boolean {
  return (Object.keys(needs) as (keyof Mode)[]).every((need) => mode[need] === needs[need]);
}
