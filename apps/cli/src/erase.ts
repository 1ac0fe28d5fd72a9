import { parseArgs } from 'node:util';
import { createWorkerGate } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import { createCommitter, createEraser, type ErasureAnswer } from '@holdfast/pipeline';
import { configOrExit } from '@holdfast/runtime';
import { readStoreConfig } from './config.ts';
import { withStores } from './with-stores.ts';

const usage = `holdfast erase --buyer ID [--sale ID] [--force]

Removes a buyer from one sale, or from all: name, keys and payment references, in both stores. Places, units and money
stay, under a name that says nothing; the journal keeps its chain, and says that somebody was erased. Refused while a
reservation of theirs is open; --force gives those up first. What is owed to them has to be given back before.`;

interface Asked {
  buyerId: string;
  saleId: string | undefined;
  giveUp: boolean;
}

/** Exit codes: 0 nothing names the buyer any more; 1 something is in the way; 2 not asked properly. */
export async function erase(rawArgs: string[]): Promise<number> {
  const asked = readArgs(rawArgs);
  if (asked === null) {
    console.error(usage);
    return 2;
  }
  const config = configOrExit(readStoreConfig);
  return withStores(config, async ({ databaseUrl, redisUrl }) => {
    const ledger = createLedger({
      url: databaseUrl,
      region: config.REGION,
      applicationName: 'holdfast-erase',
    });
    try {
      const gate = await createWorkerGate({ redisUrl, shards: config.SHARDS });
      try {
        const eraser = createEraser({ ledger, gate, committer: createCommitter({ ledger, gate }) });
        const saleIds =
          asked.saleId === undefined ? await ledger.salesOfBuyer(asked.buyerId) : [asked.saleId];
        if (saleIds.length === 0) console.log('No sale knows that buyer.');
        let done = true;
        for (const saleId of saleIds) {
          const answer = await eraser.erase(saleId, asked.buyerId, asked.giveUp);
          const isDone = answer.kind === 'erased';
          (isDone ? console.log : console.error)(`${saleId}: ${sentenceFor(answer)}`);
          done &&= isDone;
        }
        return done ? 0 : 1;
      } finally {
        await gate.close();
      }
    } finally {
      await ledger.close();
    }
  });
}

function readArgs(args: string[]): Asked | null {
  try {
    const { values } = parseArgs({
      args,
      options: {
        buyer: { type: 'string' },
        sale: { type: 'string' },
        force: { type: 'boolean', default: false },
      },
    });
    // The house has no name, and its withdrawals are nobody's.
    if (values.buyer === undefined || values.buyer === '') return null;
    return { buyerId: values.buyer, saleId: values.sale, giveUp: values.force };
  } catch {
    return null;
  }
}

function sentenceFor(answer: ErasureAnswer): string {
  switch (answer.kind) {
    case 'erased':
      return `erased, ${counted(answer.reservations)}.`;
    case 'open':
      return `not erased: ${counted(answer.reservations)} open. --force gives them up first.`;
    case 'owed':
      return `not erased: money is owed on ${counted(answer.reservations)}. Give it back, and say so, first.`;
    case 'unknown_sale':
      return 'there is no such sale.';
    case 'unfinished':
      return 'not finished in time: the stores were too busy, or away. Run it again, it goes on where it was.';
  }
}

function counted(reservations: number): string {
  return reservations === 1 ? '1 reservation' : `${reservations} reservations`;
}
