/** The evidence as files, read as a stream: what is kept is a record per ticket, not the files. */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createJudge, type Judge } from './check.ts';
import {
  type Fault,
  type GateAtRest,
  type Operation,
  type Row,
  type SaleFacts,
  Unreadable,
} from './evidence.ts';
import { createFaults } from './faults.ts';
import { createFindings, type Verdict } from './findings.ts';
import { createPace } from './pace.ts';

/** The verdict on a folder; throws `Unreadable` when there can be none. */
export async function checkFolder(folder: string): Promise<Verdict> {
  const sales = wholeFile<SaleFacts[]>(join(folder, 'sales.json'));
  if (!Array.isArray(sales)) throw new Unreadable(`${join(folder, 'sales.json')} is no list of sales.`);
  const faults: Fault[] = [];
  const faultsFile = join(folder, 'faults.ndjson');
  if (existsSync(faultsFile)) for await (const fault of records<Fault>(faultsFile)) faults.push(fault);

  const findings = createFindings();
  const times = createFaults(faults);
  const judges = new Map<string, Judge>();
  for (const sale of sales) {
    const judge = createJudge(sale, times, findings);
    for await (const row of records<Row>(join(folder, `rows-${sale.saleId}.ndjson`))) judge.row(row);
    for await (const line of lines(join(folder, `journal-${sale.saleId}.ndjson`))) judge.journalLine(line);
    const gateFile = join(folder, `gate-${sale.saleId}.json`);
    judge.endOfJournal(existsSync(gateFile) ? wholeFile<GateAtRest>(gateFile) : null);
    judges.set(sale.saleId, judge);
  }
  const pace = createPace();
  for await (const operation of records<Operation>(join(folder, 'history.ndjson'))) {
    pace.follow(operation);
    judges.get(operation.saleId)?.operation(operation);
  }
  for (const judge of judges.values()) judge.end();
  return findings.verdict(pace.slow);
}

function wholeFile<Content>(file: string): Content {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Content;
  } catch (error) {
    throw new Unreadable(`${file} cannot be read.`, { cause: error });
  }
}

async function* records<Content>(file: string): AsyncGenerator<Content> {
  let number = 0;
  for await (const line of lines(file)) {
    number += 1;
    if (line === '') continue;
    let record: Content;
    try {
      record = JSON.parse(line) as Content;
    } catch (error) {
      throw new Unreadable(`${file}, line ${number}, is no JSON.`, { cause: error });
    }
    yield record;
  }
}

function lines(file: string): AsyncIterable<string> {
  if (!existsSync(file)) throw new Unreadable(`${file} is missing.`);
  return createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
}
