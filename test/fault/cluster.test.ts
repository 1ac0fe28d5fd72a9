import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startRedis, temporaryFolder } from '@holdfast/runtime/local-stores';
import { withRedis } from '../support/damage.ts';
import { openHouse } from '../support/house.ts';
import { recordCalls, scripts } from '../support/recorded-calls.ts';
import { ask, reserve, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { joinMany, lobbyOf } from '../support/lobby.ts';
import { openTees } from '../support/sales.ts';

/**
 * Redis Cluster is not supported: no connection here follows MOVED and ASK. What is there is that nothing would have to be
 * stored elsewhere for it: all that belongs to a shard is in one slot, the queue's keys too, and no script names a key of
 * another.
 */
it('F16: all keys of a shard, the queue included, lie in one slot of a cluster, and every script keeps to them', async () => {
  const dir = temporaryFolder('cluster');
  const store = await startRedis({ dir, settings: { 'cluster-enabled': 'yes' } });
  const node = new Redis(store.url);
  const house = await openHouse({ workers: 1 });
  try {
    await withRedis(house, async (redis) => {
      for (const { source } of scripts) await redis.script('LOAD', source);
    });
    const recorder = recordCalls(house.redis.url);
    const sale = await openTees(house, 5, { waitlist: true, perBuyerLimit: 2 });
    const ticket = await reserve(house.edge, sale, 'ann');
    await ask(house.edge, sale, 'bob', 1, 'key');
    await tell(house.edge, ticket, 'cancel');
    const lobby = await lobbyOf(house, 3);
    await joinMany(house.edge, lobby, 3);
    await house.commit(lobby);
    await house.desk.move(lobby, 'open', null);
    for (const one of [sale, lobby]) await expectConservation(house, one);
    recorder.stop();

    const slotOf = async (key: string) => Number(await node.cluster('KEYSLOT', key));
    const slot = await slotOf('{s0}:boot');
    const stored = await withRedis(house, (redis) => redis.keys('*'));
    expect(
      stored.some((key) => key.includes(':commit:')),
      'the queue is among them',
    ).toBe(true);
    for (const key of [...stored, ...recorder.calls.flatMap(({ keys }) => keys)])
      expect([key, await slotOf(key)]).toEqual([key, slot]);
    expect(new Set(recorder.calls.map(({ script }) => script.name)).size).toBeGreaterThan(8);
    // Two shards can be on two nodes.
    expect(await slotOf('{s1}:boot')).not.toBe(slot);
  } finally {
    node.disconnect();
    await house.close();
    await store.stop();
  }
}, 60_000);
