import { chance, makeBuyer } from './buyer.ts';
import { createComeBacks } from './come-backs.ts';
import type { CrowdPlan } from './plan.ts';
import type { Tally } from './tally.ts';
import type { createVisit } from './visit.ts';

/**
 * Who comes when. A closed crowd has so many people asking at once, and the next steps up when one has an answer;
 * an open crowd comes at its own pace, however slow the answers are, so a slow stack cannot make itself look fast.
 * Whoever has a ticket steps aside to watch it, and makes room.
 */
export function createArrivals(
  plan: CrowdPlan,
  { visit, read }: ReturnType<typeof createVisit>,
  tally: Tally,
) {
  const ready: number[] = [];
  const comeBacks = createComeBacks((visitors) => {
    for (const visitor of visitors) ready.push(visitor);
    pump();
  });
  let nextBuyer = 0;
  let asking = 0;
  let following = 0;
  let stopped = false;
  let allArrived = false;
  let finish: () => void = () => {};

  return {
    /** Resolves when the last buyer has gone home. */
    run(): Promise<void> {
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      if (plan.arrivals.kind === 'open') comeAtRate(plan.arrivals.perSecond, plan.arrivals.durationSeconds);
      pump();
      return finished.finally(comeBacks.close);
    },
    /** Nobody new comes; those who are at it finish. */
    stop(): void {
      stopped = true;
      tally.progress.gone += comeBacks.forget() + ready.splice(0).length;
      pump();
    },
  };

  function pump(): void {
    const asksMax = plan.arrivals.kind === 'closed' ? plan.arrivals.concurrency : OPEN_ASKS_MAX;
    while (asking < asksMax && following < FOLLOWERS_MAX) {
      const visitor = ready.pop() ?? firstComer();
      if (visitor === undefined) break;
      void serve(visitor);
    }
    const nobodyLeft = allArrived && ready.length === 0 && asking === 0 && following === 0;
    if (nobodyLeft && comeBacks.waiting() === 0) finish();
  }

  /** The next person of a closed crowd. An open crowd's are started by the clock. */
  function firstComer(): number | undefined {
    if (plan.arrivals.kind === 'open') return undefined;
    if (nextBuyer >= plan.buyers || stopped) {
      allArrived = true;
      return undefined;
    }
    nextBuyer += 1;
    return visitorOf(nextBuyer - 1, 1);
  }

  function comeAtRate(perSecond: number, durationSeconds: number): void {
    const startedAtMs = performance.now();
    const buyers = Math.min(plan.buyers, Math.round(perSecond * durationSeconds));
    const arrive = () => {
      const dueBuyers = Math.min(
        buyers,
        Math.floor(((performance.now() - startedAtMs) / 1_000) * perSecond) + 1,
      );
      for (; nextBuyer < dueBuyers && !stopped; nextBuyer += 1) {
        void serve(visitorOf(nextBuyer, 1), startedAtMs + (nextBuyer / perSecond) * 1_000);
      }
      if (nextBuyer < buyers && !stopped) setTimeout(arrive, 1);
      else {
        allArrived = true;
        pump();
      }
    };
    arrive();
  }

  async function serve(visitor: number, dueAtMs?: number): Promise<void> {
    const number = Math.floor(visitor / ATTEMPTS_MAX);
    const attempt = visitor % ATTEMPTS_MAX;
    asking += 1;
    if (attempt === 1) tally.progress.arrived += 1;
    try {
      let cameAtMs = dueAtMs;
      for (let reads = readsBefore(number, attempt); reads > 0; reads -= 1) {
        await read(number, cameAtMs);
        cameAtMs = undefined;
      }
      const visited = await visit(makeBuyer(plan, number), attempt, cameAtMs);
      if (visited.kind === 'ticket') void followUp(visited.follow);
      else if (visited.kind === 'again' && attempt < plan.tries && !allSold() && !stopped) {
        const awayMs = plan.comeBackSeconds * 1_000 * (0.5 + chance(plan.seed, number, 10 + attempt));
        comeBacks.add(visitorOf(number, attempt + 1), awayMs);
      } else tally.progress.gone += 1;
    } catch (cause) {
      tally.error(`bug in the crowd: ${String(cause)}`);
    } finally {
      asking -= 1;
      pump();
    }
  }

  async function followUp(follow: () => Promise<void>): Promise<void> {
    following += 1;
    try {
      await follow();
    } catch (cause) {
      tally.error(`bug in the crowd: ${String(cause)}`);
    } finally {
      following -= 1;
      tally.progress.gone += 1;
      if (allSold()) tally.progress.gone += comeBacks.forget();
      pump();
    }
  }

  /** Nothing will come back: nobody returns, but those who never asked still do. */
  function allSold(): boolean {
    return tally.progress.confirmedUnits >= plan.stockUnits;
  }

  /** As many looks at the stock per reservation as give the share of reads that was asked for. */
  function readsBefore(number: number, attempt: number): number {
    const mean = plan.readShare / (1 - plan.readShare);
    return Math.floor(mean) + (chance(plan.seed, number, 1_000 + attempt) < mean % 1 ? 1 : 0);
  }
}

/** Buyer and attempt in one number, so that who is away costs eight bytes. */
function visitorOf(number: number, attempt: number): number {
  return number * ATTEMPTS_MAX + attempt;
}

/** More tries than anybody makes; options are held to it. */
export const ATTEMPTS_MAX = 1_024;
/** An open crowd's bound: beyond it the stack is not answering at all. */
const OPEN_ASKS_MAX = 50_000;
/** Ticket holders who watch at once; beyond it nobody new asks. */
export const FOLLOWERS_MAX = 2_000;
