/** The console's app on the rooms of a house, for tests that are merchants. */
import { createQueueView } from '@holdfast/pipeline';
import { createApp } from '../../apps/console/src/app.ts';
import type { ConsoleParts } from '../../apps/console/src/parts.ts';
import { createQueueWatch } from '../../apps/console/src/queue-watch.ts';
import type { House } from './house.ts';

export const adminKey = 'a-key-for-tests-only';

export async function openConsoleApp(house: House) {
  const { ledger, gate, desk, log } = house;
  const queueView = await createQueueView({ redisUrl: house.redis.url });
  const stopping = new AbortController();
  const parts: ConsoleParts = {
    ledger,
    gate,
    desk,
    queues: createQueueWatch({ queueView, ledger, gate }),
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
    app: createApp(parts),
    async close() {
      stopping.abort();
      await queueView.close();
    },
  };
}
