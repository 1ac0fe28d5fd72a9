/** The console's app on the rooms of a house, for tests that are merchants. */
import { join } from 'node:path';
import { createQueueView } from '@holdfast/pipeline';
import { createApp } from '../../apps/console/src/app.ts';
import type { ConsoleParts } from '../../apps/console/src/parts.ts';
import { readPageFiles } from '../../apps/console/src/page-files.ts';
import { createPulseWatch } from '../../apps/console/src/pulse-watch.ts';
import { createQueueBoard } from '../../apps/console/src/queue-board.ts';
import { createQueueWatch } from '../../apps/console/src/queue-watch.ts';
import { createSaleWatch } from '../../apps/console/src/sale-watch.ts';
import type { House } from './house.ts';

export const adminKey = 'a-key-for-tests-only';

export async function openConsoleApp(house: Pick<House, 'ledger' | 'gate' | 'desk' | 'redis' | 'log'>) {
  const { ledger, gate, desk, log } = house;
  const queueView = await createQueueView({ redisUrl: house.redis.url });
  const stopping = new AbortController();
  const pulses = createPulseWatch({ ledger, gate, log });
  const parts: ConsoleParts = {
    ledger,
    gate,
    desk,
    queues: createQueueWatch({ queueView, ledger, gate }),
    sales: createSaleWatch({ ledger, gate, log }),
    pulses,
    board: createQueueBoard(queueView),
    page: readPageFiles(join(import.meta.dirname, '../../apps/console/dist')),
    dependencies: { postgres: () => ledger.ping() },
    metrics: { contentType: 'text/plain', text: async () => 'holdfast_up 1\n' },
    observe: () => undefined,
    adminKey,
    stopping: stopping.signal,
    slowRequestMs: 10_000,
    log,
  };
  return {
    parts,
    /** Looks only when a test says so. */
    pulses,
    app: createApp(parts),
    async close() {
      stopping.abort();
      await queueView.close();
    },
  };
}
