import { createWorkerGate } from '@holdfast/gate';
import { expect, it } from 'vitest';
import { freshRedis } from '../support/stores.ts';

it.each([
  [{}, []],
  [{ appendfsync: 'everysec' }, [/appendfsync everysec/]],
  [{ appendonly: 'no' }, [/no append-only file/]],
  [{ 'maxmemory-policy': 'allkeys-lru' }, [/maxmemory-policy allkeys-lru/]],
])('a worker says where Redis promises less than a ticket does: %o', async (settings, expected) => {
  const redis = await freshRedis(settings as Record<string, string>);
  const gate = await createWorkerGate({ redisUrl: redis.url });
  try {
    const said = await gate.weakDurability();
    expect(said).toHaveLength(expected.length);
    for (const [index, words] of expected.entries()) expect(said[index]).toMatch(words);
  } finally {
    await gate.close();
  }
});
