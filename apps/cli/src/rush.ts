import { writeFileSync } from 'node:fs';
import { ConfigProblems } from '@holdfast/runtime';
import { readConsoleAccess } from './config.ts';
import { sendCrowd } from './rush/crowd-process.ts';
import { createMerchant } from './rush/merchant.ts';
import { type ReadOptions, type RushOptions, readOptions, usage } from './rush/options.ts';
import { createProgressLine } from './rush/progress-line.ts';
import { isBroken, prove } from './rush/proof.ts';
import { createShopWindow } from './rush/shop-window.ts';
import { openStage } from './rush/stage.ts';
import { rushTable } from './rush/table.ts';

/**
 * A real crowd over HTTP against a real stack, and the proof. Resolves to the exit code: 0 every law held, 1 a law
 * is broken, 2 unusable options, 3 the rush could not be finished, so nothing is proven.
 */
export async function rush(argv: string[]): Promise<number> {
  const read = readAll(argv);
  if (read.kind === 'help') {
    console.log(usage);
    return 0;
  }
  if (read.kind === 'unusable') {
    for (const problem of read.problems) console.error(`rush: ${problem}`);
    console.error('\nnpm run rush -- --help says what can be asked for.');
    return 2;
  }
  const interrupted = listenForStop();
  try {
    return await rushOnce(read.options, interrupted.signal);
  } catch (fault) {
    console.error('rush: not finished, nothing is proven.', fault);
    return 3;
  } finally {
    interrupted.close();
  }
}

function readAll(argv: string[]): ReadOptions {
  try {
    const { CONSOLE_URL, ADMIN_KEY } = readConsoleAccess();
    return readOptions(argv, { console: CONSOLE_URL, key: ADMIN_KEY });
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    return { kind: 'unusable', problems: [...error.problems] };
  }
}

async function rushOnce(options: RushOptions, signal: AbortSignal): Promise<number> {
  const stage = await openStage(options, signal);
  try {
    const merchant =
      stage.console === undefined ? undefined : createMerchant(stage.console.url, stage.console.key);
    const runId = `rush-${Date.now().toString(36)}`;
    const saleId = options.saleId ?? (await merchant?.createSale(options.sale, runId));
    if (saleId === undefined) throw new Error('there is no sale to rush for');
    const edges = stage.edges.map(({ hostname, port }) => ({ host: hostname, port: Number(port || 80) }));
    const line = createProgressLine(options.crowd.buyers);
    const { report, evidence } = await sendCrowd(
      { ...options.crowd, edges, saleId, runId, crowd: options.people ?? runId },
      line.show,
      signal,
    );
    line.end();
    const proof = await prove(saleId, evidence, createShopWindow(stage.edges), merchant);
    const broken = isBroken(proof);
    console.log(rushTable(options, report, proof));
    if (options.jsonFile !== undefined) {
      writeFileSync(
        options.jsonFile,
        `${JSON.stringify({ ok: !broken, saleId, runId, report, ...proof, crowd: options.crowd }, null, 2)}\n`,
      );
    }
    return broken ? 1 : 0;
  } finally {
    await stage.close();
  }
}

/** The first Ctrl-C or SIGTERM ends the crowd early and still proves what happened; the second ends everything. */
function listenForStop() {
  const stopped = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (stopped.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    console.error('\nrush: nobody new comes; again to stop at once');
    stopped.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return { signal: stopped.signal, close: () => void process.off('SIGINT', stop).off('SIGTERM', stop) };
}

if (import.meta.main) process.exitCode = await rush(process.argv.slice(2));
