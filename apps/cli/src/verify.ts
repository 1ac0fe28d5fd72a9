import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { createLedger } from '@holdfast/ledger';
import { configOrExit } from '@holdfast/runtime';
import { readStoreConfig } from './config.ts';
import { runningIn } from './running.ts';
import { type Against, checkExport, type Verdict } from './verify/check-export.ts';

const usage = 'holdfast verify FILE [--head HEAD] [--receipt RECEIPT ...] [--buyer ID, with DATABASE_URL]';
const exitCodes: Record<Verdict['kind'], number> = { true: 0, false: 1, unreadable: 2 };

/** Judges an exported journal. Exit codes: 0 true, 1 false, 2 unreadable or not asked properly. */
export async function verify(rawArgs: string[]): Promise<number> {
  const asked = readArgs(rawArgs);
  if (asked === null) {
    console.error(usage);
    return 2;
  }
  const { file, buyer: id, ...against } = asked;
  if (id === undefined) return judge(file, against);
  const config = configOrExit(readStoreConfig);
  const url = config.DATABASE_URL ?? runningIn(config.HOLDFAST_DIR)?.databaseUrl;
  if (url == null) {
    console.error('Only the ledger of the sale knows whose place is whose: set DATABASE_URL.');
    return 2;
  }
  const ledger = createLedger({ url, region: config.REGION, applicationName: 'holdfast-verify' });
  try {
    const buyer = { id, keysOf: (saleId: string) => ledger.openingsOfBuyer(saleId, id) };
    return await judge(file, { ...against, buyer });
  } finally {
    await ledger.close();
  }
}

async function judge(file: string, against: Against): Promise<number> {
  const verdict = await checkExport(linesOf(file), against).catch(
    (error: NodeJS.ErrnoException): Verdict => ({
      kind: 'unreadable',
      why: `${error.syscall === 'open' || error.syscall === 'read' ? 'The file cannot be read' : 'It cannot be judged'} (${error.code ?? error.message}).`,
    }),
  );
  (verdict.kind === 'true' ? console.log : console.error)(verdict.why);
  return exitCodes[verdict.kind];
}

interface Asked {
  file: string;
  head: string | undefined;
  receipts: string[] | undefined;
  buyer: string | undefined;
}

function readArgs(args: string[]): Asked | null {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        head: { type: 'string' },
        receipt: { type: 'string', multiple: true },
        buyer: { type: 'string' },
      },
    });
    const [file, ...more] = positionals;
    return file === undefined || more.length > 0
      ? null
      : { file, head: values.head, receipts: values.receipt, buyer: values.buyer };
  } catch {
    return null;
  }
}

/** Line by line, so that a journal of any length is judged in little memory. A byte that is no UTF-8 spoils its line. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      yield decoder.decode(Buffer.concat([rest, chunk.subarray(from, end)]));
      rest = Buffer.alloc(0);
      from = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(from)]);
  }
  yield decoder.decode(rest);
}
