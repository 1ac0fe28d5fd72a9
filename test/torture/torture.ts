/**
 * Torture: a crowd buys over HTTP at real processes while a nemesis, whose plan follows from one seed, kills, freezes,
 * cuts and damages what they stand on. Then everything is left to rest, and the evidence of both sides is judged by a
 * checker that shares nothing with the product. In rounds of some minutes, on stores that live through all of them.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BusyMachine, watchMachine } from './busy-machine.ts';
import { createAsk } from './crowd/ask.ts';
import { startCrowd } from './crowd/crowd.ts';
import { createFollow } from './crowd/follow.ts';
import { goodKinds, makeGood } from './crowd/goods.ts';
import { createLastLook } from './crowd/last-look.ts';
import { createMerchant } from './crowd/merchant.ts';
import { createVisit } from './crowd/visit.ts';
import { checkFolder } from '../checker/folder.ts';
import type { Verdict } from '../checker/findings.ts';
import { writeEvidence } from './evidence.ts';
import type { Deeds } from './faults/deed.ts';
import { fullDiskDeeds, mountDisks } from './faults/full-disk.ts';
import { lineDeeds } from './faults/lines.ts';
import { type CrashPoints, crashPointsOf, fakeTime, livesDeeds } from './faults/lives.ts';
import { postgresDeeds } from './faults/postgres.ts';
import { processDeeds } from './faults/processes.ts';
import { redisDeeds } from './faults/redis.ts';
import { createHistory } from './history.ts';
import { type FaultDone, type Skipped, torment } from './nemesis.ts';
import type { Options } from './options.ts';
import { planFaults } from './plan.ts';
import { createRandom } from './random.ts';
import { bringToRest } from './rest.ts';
import { openStage, type Stage } from './stage.ts';
import { createWatch, type Recovery, type Watch } from './watch.ts';

export interface RoundResult {
  round: number;
  folder: string;
  tormentedMs: number;
  faults: FaultDone[];
  /** How long others left too little of the machine. */
  busyMs: number;
  skipped: Skipped[];
  operations: number;
  answers: Map<string, number>;
  /** Sentences about what did not come to rest. */
  restless: string[];
  verdict: Verdict;
  ok: boolean;
}

export interface Surroundings {
  /** Of this run alone: stores, logs. */
  folder: string;
  /** Where the evidence of each round goes. */
  evidenceFolder: string;
  /** Mounts of ours are seen by nobody else. */
  inNamespace: boolean;
  say(line: string): void;
  /** Ends the torment early; the round still comes to rest and is judged. */
  signal: AbortSignal;
  /** Told of every round that is judged. */
  onRound(result: RoundResult): void;
}

export interface TortureResult {
  rounds: RoundResult[];
  recoveries: Recovery[];
  /** Share of the machine that went to others. */
  othersShare: number;
  crashPoints: CrashPoints;
}

/** Of torment; then comes rest. */
const roundMs = 120_000;
const leastRoundMs = 20_000;

export async function torture(options: Options, around: Surroundings): Promise<TortureResult> {
  const { folder, say, signal } = around;
  const needsDisks = isWanted(options, 'redis-disk-full') || isWanted(options, 'postgres-disk-full');
  const disks = needsDisks ? mountDisks(around.inNamespace) : null;
  // Not in the middle, should it have to be installed.
  if (isWanted(options, 'clock')) await fakeTime(say);
  const stage = await openStage({
    folder,
    edges: 2,
    workers: 2,
    ...(disks !== null && {
      redisDir: join(disks.redis, 'redis'),
      postgresDir: join(disks.postgres, 'postgres'),
    }),
    onDeath: (name, how) => say(`     ${name} ended (${how}), and is started again`),
    say,
  });
  const watch = createWatch(stage.postgres.store.url);
  const machine = watchMachine();
  const deeds: Deeds = {
    ...processDeeds(stage),
    ...lineDeeds(stage),
    ...redisDeeds(stage),
    ...postgresDeeds(stage),
    ...livesDeeds(stage, say),
    ...fullDiskDeeds(stage, disks),
  };
  try {
    const rounds: RoundResult[] = [];
    const endsAt = performance.now() + options.minutes * 60_000;
    for (let round = 1; !signal.aborted; round += 1) {
      const left = endsAt - performance.now();
      if (round > 1 && left < leastRoundMs) break;
      const result = await playRound(
        options,
        around,
        { stage, watch, machine, deeds },
        round,
        Math.min(roundMs, left),
      );
      rounds.push(result);
      around.onRound(result);
    }
    const recoveries = watch.recoveries(rounds.flatMap(({ faults }) => faults));
    return { rounds, recoveries, othersShare: machine.othersShare(), crashPoints: crashPointsOf(stage) };
  } finally {
    await machine.close();
    await watch.close();
    await stage.stop();
  }
}

function isWanted({ faults }: Options, kind: string): boolean {
  return faults.length === 0 || faults.includes(kind);
}

interface Scene {
  stage: Stage;
  watch: Watch;
  machine: BusyMachine;
  deeds: Deeds;
}

async function playRound(
  options: Options,
  { evidenceFolder, say, signal }: Surroundings,
  { stage, watch, machine, deeds }: Scene,
  round: number,
  lastsMs: number,
): Promise<RoundResult> {
  const folder = join(evidenceFolder, `round-${round}`);
  mkdirSync(folder, { recursive: true });
  const random = createRandom(`${options.seed} crowd ${round}`);
  const history = createHistory(join(folder, 'history.ndjson'));
  watch.listenTo(history);
  const ask = createAsk(history);
  const lastLook = createLastLook(stage.edges, history, ask);
  const follow = createFollow(stage.edges, history, ask, random.branch('follow'));
  const visit = createVisit(stage.edges, ask, follow);
  const merchant = createMerchant(stage.consoleUrl, stage.adminKey, `round-${round}`, ask);
  const goods = goodKinds.map((kind) => makeGood(kind, round, random.branch(kind)));
  for (const good of goods) await merchant.open(good);

  const plan = planFaults(options.seed, round, lastsMs, options.faults);
  say(`round ${round}: ${plan.length} faults in ${Math.round(lastsMs / 1_000)} s`);
  const beganAt = performance.now();
  const crowd = startCrowd(goods, options.rate, visit, merchant, random.branch('crowd'));
  const { done, skipped } = await torment(plan, deeds, say, signal);
  const tormentedMs = performance.now() - beganAt;
  say('     everything heals; the last units are sold');
  const restless = await bringToRest(stage, goods, merchant, visit, () => crowd.goHome());
  await lastLook.look();
  await history.close();
  const busy = machine.spans();
  const busyMs = busy.reduce((sum, { at, until }) => sum + (until ?? at) - at, 0);
  await writeEvidence(folder, stage, goods, [...done, ...busy], restless.length === 0);
  const verdict = await checkFolder(folder);
  const ok = verdict.ok && restless.length === 0;
  if (ok && options.keep === null) rmSync(folder, { recursive: true });
  const { answers, operations } = history;
  return {
    round,
    folder,
    tormentedMs,
    busyMs,
    faults: done,
    skipped,
    operations,
    answers,
    restless,
    verdict,
    ok,
  };
}
