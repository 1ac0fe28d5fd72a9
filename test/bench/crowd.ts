/** One crowd against one contestant: the same work for each, and the proof in rows after it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Contestant, type Sale, sku } from './contestant.ts';
import { type CpuByRole, cpuSince, readCpu, sumOf } from './cpu.ts';
import type { LoadPlan, LoadReport } from './load.ts';
import type { Load } from './load-process.ts';

export interface Crowd {
  title: string;
  stock: number;
  requests: number;
  connections: number;
  limitSeconds: number;
  ratePerSecond?: number;
  waitSeconds?: number;
}

export interface CrowdResult {
  contestant: string;
  crowd: string;
  stock: number;
  requests: number;
  answered: number;
  answersPerSecond: number;
  /** Null when nothing was held. */
  holdsPerSecond: number | null;
  /** From the first request to the last hold durable in rows. */
  lastHoldMs: number | null;
  /** From the last 2xx answer to the last hold durable in rows. */
  lastHoldAfterAnswerMs: number | null;
  answerMs: LoadReport['latencyMs'];
  takenAnswerMs: LoadReport['latencyMs'];
  cpuMicrosPerRequest: CpuByRole;
  cpuMicrosPerHold: number;
  loadCpuMicrosPerRequest: number;
  answers: LoadReport['answers'];
  failures: number;
  holds: number;
  units: number;
  /** Empty when every law held. */
  broken: string[];
}

const watchMs = 5;
// Looking may cost a twentieth of the time at most.
const watchShare = 20;
const heldWithinSeconds = 90;
const quietWindowMs = 60;
const quietWithinMs = 1_500;
const quietMicros = 10_000;

/** Opens a sale and ends it, unless it is given one; then only what this crowd adds is counted. */
export async function runCrowd(
  contestant: Contestant,
  load: Load,
  crowd: Crowd,
  given: Sale | null = null,
): Promise<CrowdResult> {
  const sale = given ?? (await contestant.openSale(crowd.stock));
  const before = given === null ? { holds: 0, units: 0 } : await sale.countHolds();
  await untilQuiet(contestant);
  const cpuBefore = readCpu(contestant.roles());
  const watch = watchHolds(
    sale,
    before.units + Math.min(crowd.stock, crowd.requests),
    contestant.answersWhenHeld,
  );
  const report = await load.run(planOf(sale, crowd, load.nextBuyers(crowd.requests)));
  const answered = Object.values(report.answers).reduce((sum, count) => sum + count, 0);
  const taken = Object.entries(report.answers).reduce(
    (sum, [status, n]) => sum + (status[0] === '2' ? n : 0),
    0,
  );
  const heldAt = await watch.until(before.units + Math.min(crowd.stock, taken));
  await untilQuiet(contestant);
  const cpu = cpuSince(cpuBefore, readCpu(contestant.roles()));
  const counted = await sale.countHolds();
  const proof = { holds: counted.holds - before.holds, units: counted.units - before.units };
  if (given === null) await sale.retire();

  const lastHeldAt = proof.holds === 0 ? null : contestant.answersWhenHeld ? report.lastTakenAt : heldAt;
  const lastHoldMs = lastHeldAt === null ? null : lastHeldAt - report.startedAt;
  return {
    contestant: contestant.name,
    crowd: crowd.title,
    stock: crowd.stock,
    requests: crowd.requests,
    answered,
    answersPerSecond: answered / report.seconds,
    holdsPerSecond: lastHoldMs === null ? null : (proof.holds * 1000) / lastHoldMs,
    lastHoldMs,
    lastHoldAfterAnswerMs: lastHeldAt === null ? null : Math.max(0, lastHeldAt - report.lastTakenAt),
    answerMs: report.latencyMs,
    takenAnswerMs: report.takenLatencyMs,
    cpuMicrosPerRequest: Object.fromEntries(
      Object.entries(cpu).map(([role, micros]) => [role, micros / Math.max(1, answered)]),
    ),
    cpuMicrosPerHold: sumOf(cpu) / Math.max(1, proof.holds),
    loadCpuMicrosPerRequest: report.cpuMicros / Math.max(1, answered),
    answers: report.answers,
    failures: report.failures,
    holds: proof.holds,
    units: proof.units,
    broken: brokenLaws(contestant.name, crowd, answered, taken, proof),
  };
}

export function planOf(sale: Sale, crowd: Crowd, firstBuyer: number): LoadPlan {
  return {
    host: '127.0.0.1',
    port: sale.port,
    connections: crowd.connections,
    requests: crowd.requests,
    limitSeconds: crowd.limitSeconds,
    ...(crowd.ratePerSecond === undefined ? {} : { ratePerSecond: crowd.ratePerSecond }),
    ask: {
      kind: 'reserve',
      path: sale.path,
      sku,
      firstBuyer,
      ...(crowd.waitSeconds === undefined ? {} : { waitSeconds: crowd.waitSeconds }),
    },
  };
}

/**
 * Demand is what was answered: a run that met its time limit asked less than it was meant to, and is judged
 * by what it asked.
 */
export function brokenLaws(
  name: string,
  crowd: { title: string; stock: number },
  answered: number,
  taken: number,
  proof: { holds: number; units: number },
): string[] {
  const where = `${name}, ${crowd.title}`;
  const broken: string[] = [];
  if (proof.units > crowd.stock) broken.push(`${where}: oversold, ${proof.units} of ${crowd.stock}`);
  if (proof.units < Math.min(crowd.stock, answered)) {
    broken.push(`${where}: unsold, ${proof.units} of ${crowd.stock} with ${answered} buyers answered`);
  }
  if (proof.units < taken)
    broken.push(`${where}: lost, ${taken} were promised a unit and ${proof.units} have one`);
  return broken;
}

/** Until its processes have stopped working, so that late work is counted in and early work is not. */
export async function untilQuiet(contestant: Contestant): Promise<void> {
  const givenUpAt = performance.now() + quietWithinMs;
  while (performance.now() < givenUpAt) {
    const before = readCpu(contestant.roles());
    await sleep(quietWindowMs);
    if (sumOf(cpuSince(before, readCpu(contestant.roles()))) <= quietMicros) return;
  }
}

/** Looks at the stock row until it shows the wanted units; asks nothing where the answer itself says so. */
export function watchHolds(sale: Sale, wanted: number, answersWhenHeld: boolean) {
  let target = wanted;
  let loadEnded = false;
  const watching = answersWhenHeld ? Promise.resolve(Date.now()) : look();
  // It may fail while the load still runs; whoever asks for it then is told.
  watching.catch(() => undefined);
  return {
    /** When the units were seen durable, in epoch milliseconds; the target is what was really admitted. */
    until(units: number): Promise<number> {
      target = units;
      loadEnded = true;
      return watching;
    },
  };

  async function look(): Promise<number> {
    let givenUpAt = Number.POSITIVE_INFINITY;
    for (;;) {
      const askedAt = performance.now();
      const units = await sale.unitsTaken();
      const answeredAt = performance.now();
      const now = performance.timeOrigin + answeredAt;
      if (units >= target) return now;
      if (loadEnded && givenUpAt === Number.POSITIVE_INFINITY) givenUpAt = now + heldWithinSeconds * 1000;
      if (now > givenUpAt) return now;
      await sleep(Math.max(watchMs, (answeredAt - askedAt) * watchShare));
    }
  }
}
