/**
 * Torture of real processes, as a command. Exit code 0: every law held; 1: a law is broken, and only then; 2: a wrong option; 3: it could
 * not be carried out, so nothing is proven. Ctrl-C ends the torment early, and what happened until then is judged; a
 * second one ends everything at once.
 */
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { temporaryFolder } from '@holdfast/runtime/local-stores';
import { inOwnNamespace, isInOwnNamespace } from './namespace.ts';
import { type Options, readOptions, usage } from './options.ts';
import { machineText, makeReport, reportText } from './report.ts';
import { type RoundResult, torture } from './torture.ts';
import { measureWorkerDeath } from './worker-death.ts';

export async function runTorture(args: string[]): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (options === null) {
    console.log(usage);
    return 0;
  }
  if (options.only !== null) return workerDeath(options);
  inOwnNamespace();
  const stopped = listenForStop();
  const folder = temporaryFolder('torture');
  const evidenceFolder = resolve(options.keep ?? mkdtempSync(join(tmpdir(), 'holdfast-evidence-')));
  mkdirSync(evidenceFolder, { recursive: true });
  const startedAt = new Date();
  console.log(`seed ${options.seed}`);
  try {
    const result = await torture(options, {
      folder,
      evidenceFolder,
      inNamespace: isInOwnNamespace(),
      say: (line) => console.log(line),
      signal: stopped.signal,
      onRound: tellVerdict,
    });
    const report = makeReport(options, result, startedAt);
    const text = reportText(report);
    console.log(`\n${text}`);
    for (const place of reportFolders(options)) {
      writeFileSync(join(place, 'last-report.md'), text);
      writeFileSync(join(place, 'last-report.json'), `${JSON.stringify(report, null, 2)}\n`);
    }
    return report.ok ? 0 : 1;
  } catch (error) {
    console.error('torture: not finished, nothing is proven.', error);
    return 3;
  } finally {
    if (options.keep !== null)
      cpSync(join(folder, 'logs'), join(evidenceFolder, 'logs'), { recursive: true });
  }
}

async function workerDeath({ times }: Options): Promise<number> {
  const folder = temporaryFolder('torture');
  const say = (line: string) => console.log(line);
  try {
    const found = await measureWorkerDeath({ folder, times, say, signal: listenForStop().signal });
    const { nextCommitMs, longestMs, lawful } = found;
    const sentence = `${found.times} times the busy worker was killed with -9: the next commit after ${nextCommitMs.p50} ms (p50), ${nextCommitMs.p99} ms (p99), ${longestMs} ms at the most; ${lawful ? 'every law held' : 'A LAW IS BROKEN'}.`;
    const report = { date: new Date().toISOString(), machine: machineText(), ...found };
    console.log(`${sentence}\n${report.machine}, ${report.date}`);
    writeFileSync(
      join(import.meta.dirname, 'last-worker-death.json'),
      `${JSON.stringify(report, null, 2)}\n`,
    );
    return lawful ? 0 : 1;
  } catch (error) {
    console.error('torture: not finished, nothing is measured.', error);
    return 3;
  }
}

function tellVerdict({ verdict, ok, faults, operations, round, folder }: RoundResult): void {
  const broken = verdict.invariants.filter(({ state }) => state === 'broken');
  console.log(
    `round ${round}: ${ok ? 'every law held' : 'A LAW IS BROKEN'}; ${faults.length} faults, ${operations} operations${ok ? '' : `; evidence in ${folder}`}`,
  );
  for (const { name, rule, broken: times, violations } of broken)
    console.log(
      `     ${name} ${rule}: ${times} times\n${violations.map((line) => `       ${line}`).join('\n')}`,
    );
}

/** The last report stands beside this program; a run that is kept has its own. */
function reportFolders({ keep }: Options): string[] {
  return keep === null ? [import.meta.dirname] : [resolve(keep)];
}

function listenForStop(): AbortController {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopped.signal.aborted) process.exit(130);
      console.error('torture: no more faults; the round comes to rest and is judged. Again to stop at once.');
      stopped.abort();
    });
  return stopped;
}
