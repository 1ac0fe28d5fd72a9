import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkExport, type Verdict } from './verify/check-export.ts';

const usage = 'holdfast verify FILE [--head HEAD] [--receipt RECEIPT ...]';
const exitCodes: Record<Verdict['kind'], number> = { true: 0, false: 1, unreadable: 2 };

/** Judges an exported journal. Exit codes: 0 true, 1 false, 2 unreadable or not asked properly. */
export async function verify(rawArgs: string[]): Promise<number> {
  const asked = readArgs(rawArgs);
  if (asked === null) {
    console.error(usage);
    return 2;
  }
  const verdict = await checkExport(linesOf(asked.file), asked).catch(
    (error: NodeJS.ErrnoException): Verdict => ({
      kind: 'unreadable',
      why: `The file cannot be read (${error.code ?? error.message}).`,
    }),
  );
  (verdict.kind === 'true' ? console.log : console.error)(verdict.why);
  return exitCodes[verdict.kind];
}

function readArgs(
  args: string[],
): { file: string; head: string | undefined; receipts: string[] | undefined } | null {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: { head: { type: 'string' }, receipt: { type: 'string', multiple: true } },
    });
    const [file, ...more] = positionals;
    return file === undefined || more.length > 0
      ? null
      : { file, head: values.head, receipts: values.receipt };
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
