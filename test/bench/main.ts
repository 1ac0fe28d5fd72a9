/**
 * `npm run bench`: the same work by Holdfast and by four other ways of doing it, in turn, on this machine, each on
 * the same server stack and the same durable stores, and after every round the proof in rows.
 *
 * Exit code 1 when a law is broken (oversold, unsold with demand enough, a promise lost, out of order); never for
 * being slow. 2 when it could not be measured.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureBarePairs } from './bare-pairs.ts';
import type { Contestant } from './contestant.ts';
import { type Crowd, runCrowd } from './crowd.ts';
import { everyone, measureGrowth, measureWorkers } from './growth.ts';
import { startHoldfast } from './holdfast.ts';
import { type Load, startLoad } from './load-process.ts';
import { watchMachine } from './machine.ts';
import { type Options, readOptions, usage } from './options.ts';
import { peerNames, startBare, startPeer } from './peer.ts';
import { median } from './statistics.ts';
import { startStores } from './stores.ts';
import { measureStreams } from './streams.ts';
import { printFindings } from './table.ts';
import { crowdTitles, type Findings, holdRates, targetsOf, verdictOf } from './targets.ts';

const atOnce = 50;
const crowdSeconds = 120;
const logLines = 15;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  const describeMachine = watchMachine();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const started: { stop(): Promise<void> }[] = [];
  const stopAll = async () => {
    for (const one of started.splice(0).reverse()) await one.stop().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  };
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      void stopAll().finally(() => process.exit(130));
    });
  }
  try {
    const found = await measure(options, folder, started);
    const machine = describeMachine();
    console.log(printFindings(machine, found));
    const broken = brokenIn(found);
    for (const sentence of broken) console.log(`BROKEN  ${sentence}`);
    if (options.jsonFile !== null) {
      const targets = targetsOf(found).map((target) => ({ ...target, verdict: verdictOf(target) }));
      writeFileSync(options.jsonFile, `${JSON.stringify({ machine, targets, broken, ...found }, null, 2)}\n`);
    }
    return broken.length === 0 ? 0 : 1;
  } catch (error) {
    // What is stopped in the middle of its work complains; nobody asked.
    if (interrupted) return 130;
    console.error(error);
    printLogs(folder);
    return 2;
  } finally {
    await stopAll();
  }
}

async function measure(
  options: Options,
  folder: string,
  started: { stop(): Promise<void> }[],
): Promise<Findings> {
  const { size } = options;
  const keep = <T extends { stop(): Promise<void> }>(one: T): T => {
    started.push(one);
    return one;
  };
  const wanted = (name: string) => options.only === null || options.only.includes(name);
  const stores = keep(await startStores(folder, options.streams ? { track_commit_timestamp: 'on' } : {}));
  const load = keep(await startLoad(folder));
  const holdfast = wanted('holdfast') ? keep(await startHoldfast(stores, folder, 1)) : null;
  const contestants: Contestant[] = holdfast === null ? [] : [holdfast];
  const peers = await Promise.all(peerNames.filter(wanted).map((name) => startPeer(name, stores, folder)));
  contestants.push(...peers.map(keep));

  const found: Findings = {
    crowds: [],
    paced: [],
    barePairs: null,
    workers: [],
    growth: null,
    streams: null,
  };
  for (const contestant of contestants) await warmUp(contestant, load, size.warmUpSeconds);
  for (const crowd of crowdsOf(options)) {
    const rounds = crowd.title === crowdTitles.everyone ? size.everyoneRounds : size.crowdRounds;
    await inTurn(contestants, load, crowd, rounds, found);
  }
  if (holdfast !== null) {
    say('one edge against a bare server');
    const bare = await startBare(folder);
    keep(bare.child);
    found.barePairs = await measureBarePairs(holdfast, bare.port, load, stores, size);
    await bare.child.stop();
  }
  for (const contestant of contestants) await atTenth(contestant, load, options, found);
  if (holdfast !== null) {
    say('1, 2 and 4 workers');
    found.workers = await measureWorkers(holdfast, load, size.workersEach);
    if (options.growth) {
      say('a million reservations, a thousand sales');
      found.growth = await measureGrowth(holdfast, load);
    }
    if (options.streams) {
      say('10,000 open streams');
      found.streams = await measureStreams(holdfast, load, folder);
    }
  }
  return found;
}

/** By time and not by requests, since the compiler needs as long for each of them. */
async function warmUp(contestant: Contestant, load: Load, seconds: number): Promise<void> {
  say(`warming up ${contestant.name}`);
  const until = performance.now() + seconds * 1000;
  const crowd = { title: 'warm-up', stock: 1_000, requests: 2_000, connections: atOnce, limitSeconds: 5 };
  while (performance.now() < until) await runCrowd(contestant, load, crowd);
}

function crowdsOf(options: Options): Crowd[] {
  const { few, many, two } = options.size;
  const rest = { connections: atOnce, limitSeconds: crowdSeconds };
  return [
    { title: crowdTitles.few, ...few, ...rest },
    { title: crowdTitles.many, ...many, ...rest },
    { title: crowdTitles.two, ...two, ...rest },
    { ...everyone(options.size.everyone, crowdTitles.everyone), limitSeconds: crowdSeconds },
  ];
}

/** A B C D E, then B C D E A, so that none is always behind the same one. */
async function inTurn(contestants: Contestant[], load: Load, crowd: Crowd, rounds: number, found: Findings) {
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % Math.max(1, contestants.length);
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      say(`${crowd.title}, round ${round + 1} of ${rounds}: ${contestant.name}`);
      found.crowds.push(await runCrowd(contestant, load, crowd));
    }
  }
}

async function atTenth(contestant: Contestant, load: Load, options: Options, found: Findings) {
  const ratePerSecond = Math.max(20, Math.round(median(holdRates(found.crowds, contestant.name)) / 10));
  const requests = Math.round(ratePerSecond * options.size.paceSeconds);
  say(`${ratePerSecond} a second: ${contestant.name}`);
  found.paced.push(
    await runCrowd(contestant, load, {
      title: 'a tenth of the full rate',
      stock: requests,
      requests,
      connections: 200,
      limitSeconds: options.size.paceSeconds + 5,
      ratePerSecond,
      waitSeconds: 10,
    }),
  );
}

function brokenIn(found: Findings): string[] {
  return [
    ...[...found.crowds, ...found.paced, ...found.workers].flatMap((result) => result.broken),
    ...(found.barePairs?.broken ?? []),
    ...(found.growth?.broken ?? []),
  ];
}

/** The last lines of every process that said something. */
function printLogs(folder: string): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.log'))) {
    const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').slice(-logLines);
    if (lines.join('') !== '') console.error(`--- ${file}\n${lines.join('\n')}`);
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
