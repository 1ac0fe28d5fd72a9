import { createArrivals, FOLLOWERS_MAX } from './arrivals.ts';
import { createEdges } from './edges.ts';
import type { CrowdPlan, FromCrowd, ToCrowd } from './plan.ts';
import { createTally } from './tally.ts';
import { createVisit } from './visit.ts';

/**
 * The crowd is a process of its own, so that its work is not counted as the orchestrator's and a proof that reads
 * pages of reservations never slows a buyer down. It is told one plan, and reports until everybody has gone home.
 */
async function runCrowd(plan: CrowdPlan, send: (message: FromCrowd) => void, obey: Obey): Promise<void> {
  const concurrency = plan.arrivals.kind === 'closed' ? plan.arrivals.concurrency : OPEN_CONNECTIONS;
  const edges = createEdges(plan.edges, concurrency + FOLLOWERS_MAX);
  const tally = createTally(send);
  const visits = createVisit(plan, edges, tally);
  const arrivals = createArrivals(plan, visits, tally);
  obey((message) => message.kind === 'stop' && arrivals.stop());
  const followers = Math.min(FOLLOWERS_MAX, plan.stockUnits, plan.buyers);
  await edges.warm(Math.min(concurrency, plan.buyers) + followers, visits.look);
  const ticker = setInterval(() => {
    send({ kind: 'progress', progress: { ...tally.progress } });
    tally.flush();
  }, PROGRESS_MS);
  tally.gun();
  await arrivals.run();
  clearInterval(ticker);
  edges.close();
  tally.flush();
  send({ kind: 'done', report: tally.report() });
}

type Obey = (onMessage: (message: ToCrowd) => unknown) => void;

const OPEN_CONNECTIONS = 2_000;
const PROGRESS_MS = 250;

if (import.meta.main && process.send !== undefined) {
  const send = (message: FromCrowd) => void process.send?.(message);
  const obey: Obey = (onMessage) => process.on('message', (message: ToCrowd) => onMessage(message));
  obey((message) => {
    if (message.kind !== 'go') return;
    runCrowd(message.plan, send, obey).catch((cause: unknown) =>
      send({ kind: 'failed', reason: String(cause) }),
    );
  });
  // Ctrl-C reaches the whole process group; the orchestrator decides what it means and says so.
  process.on('SIGINT', () => {}).on('SIGTERM', () => {});
  process.on('disconnect', () => process.exit());
  send({ kind: 'ready' });
}
