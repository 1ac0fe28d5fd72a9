import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, reserve, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { joinMany, lobbyOf } from '../support/lobby.ts';
import { type RecordedCall, recordCalls, restore, scripts } from '../support/recorded-calls.ts';
import { buyMany, openTees, until, untilDue } from '../support/sales.ts';
import { freshRedis } from '../support/stores.ts';

/** Calls of each script that are tried, spread over the story: the first and the last. */
const callsPerScript = 2;
/** Arguments and fields that are tried, from the front and from the end. */
const tried = 5;

const absurd = ['', '-1', '1.5', '1e400', 'a\nb'];

describe('when a script meets what was never meant to be', () => {
  let house: House;
  let redis: Redis;
  /** Kills a script that would not end. */
  let rescuer: Redis;
  const sales: string[] = [];
  let calls: RecordedCall[] = [];

  beforeAll(async () => {
    house = await openHouse({ workers: 0, listsTickets: true });
    await withRedis(house, async (client) => {
      for (const { source } of scripts) await client.script('LOAD', source);
    });
    const recorder = recordCalls(house.redis.url);
    sales.push(...(await everyScript(house)));
    recorder.stop();
    calls = recorder.calls;
    const store = await freshRedis({ 'enable-debug-command': 'yes' });
    [redis, rescuer] = [new Redis(store.url), new Redis(store.url)];
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    rescuer.disconnect();
    await house.close();
  });

  it('F05: the story under it calls every script, and breaks no law', async () => {
    expect([...new Set(calls.map(({ script }) => script.name))].sort()).toEqual(
      scripts.map(({ name }) => name),
    );
    for (const sale of sales) await expectConservation(house, sale);
  });

  it.each(scripts.map(({ name }) => name))(
    'F05: %s does all of it, or nothing',
    async (name) => {
      const halves: string[] = [];
      let refused = 0;
      for (const call of spread(calls.filter(({ script }) => script.name === name))) {
        let dirty = true;
        for (const { what, keys, args, damage } of wrongCalls(call)) {
          if (dirty) await restore(redis, call.before);
          dirty = false;
          if (damage !== undefined) {
            await damage(redis);
            dirty = true;
          }
          const before = await redis.debug('DIGEST' as never);
          const endless = setTimeout(() => void rescuer.script('KILL').catch(() => undefined), 2_000);
          const fault = await redis.eval(call.script.source, keys.length, ...keys, ...args).then(
            () => null,
            (error: Error) => error.message,
          );
          clearTimeout(endless);
          const changed = (await redis.debug('DIGEST' as never)) !== before;
          if (fault !== null) refused++;
          if (fault !== null && (changed || fault.includes('killed'))) halves.push(`${what}: ${fault}`);
          dirty ||= changed;
        }
      }
      expect(halves).toEqual([]);
      expect(refused).toBeGreaterThan(0);
    },
    120_000,
  );
});

interface WrongCall {
  what: string;
  keys: string[];
  args: string[];
  /** Done to what Redis holds, before the call. */
  damage?: (redis: Redis) => Promise<unknown>;
}

function* wrongCalls({ keys, args, before }: RecordedCall): Generator<WrongCall> {
  for (const index of ends(args.length)) {
    for (const value of absurd)
      yield { what: `argument ${index} is ${JSON.stringify(value)}`, keys, args: args.with(index, value) };
    yield { what: `argument ${index} is missing`, keys, args: args.toSpliced(index, 1) };
    yield { what: `arguments end before ${index}`, keys, args: args.slice(0, index) };
  }
  yield { what: 'an argument too many', keys, args: [...args, '7'] };
  for (const index of ends(keys.length)) {
    const key = keys[index] as string;
    yield { what: `key ${index} is missing`, keys: keys.toSpliced(index, 1), args };
    yield { what: `${key} is not there`, keys, args, damage: (redis) => redis.del(key) };
    for (const [type, make] of Object.entries(types))
      yield {
        what: `${key} is a ${type}`,
        keys,
        args,
        damage: async (redis) =>
          redis
            .pipeline()
            .del(key)
            .exec()
            .then(() => make(redis, key)),
      };
  }
  for (const key of new Set(keys.filter((one) => before.has(one)))) yield* wrongInside(key, keys, args);
}

/** What a key holds is wrong, whatever that is: a text, the fields of a hash, the entries of a stream. */
function* wrongInside(key: string, keys: string[], args: string[]): Generator<WrongCall> {
  for (let turn = 0; turn < tried * 4; turn++) {
    const damage = async (redis: Redis) => {
      const wrong = absurd[turn % absurd.length] as string;
      switch (await redis.type(key)) {
        case 'string':
          return turn < absurd.length ? redis.set(key, wrong) : redis.setrange(key, turn, '\n\n\n');
        case 'hash': {
          const fields = (await redis.hkeys(key)).sort();
          const field = fields[Math.floor(turn / 2) % fields.length] as string;
          return turn % 2 === 0 ? redis.hdel(key, field) : redis.hset(key, field, wrong);
        }
        case 'stream':
          return redis.xadd(key, '9999999-0', 'e', wrong, 'h', wrong);
        default:
          return null;
      }
    };
    yield { what: `${key} is wrong inside (${turn})`, keys, args, damage };
  }
}

const types: Record<string, (redis: Redis, key: string) => Promise<unknown>> = {
  text: (redis, key) => redis.set(key, 'text'),
  hash: (redis, key) => redis.hset(key, 'field', 'x'),
  list: (redis, key) => redis.rpush(key, 'x'),
  set: (redis, key) => redis.sadd(key, 'x'),
  stream: (redis, key) => redis.xadd(key, '1-0', 'field', 'x'),
};

function ends(length: number): number[] {
  return Array.from({ length }, (_, index) => index).filter(
    (index) => index < tried || index >= length - tried,
  );
}

function spread(found: RecordedCall[]): RecordedCall[] {
  const step = Math.max(1, (found.length - 1) / (callsPerScript - 1));
  return [...new Set(Array.from({ length: callsPerScript }, (_, turn) => Math.round(turn * step)))].flatMap(
    (index) => found[index] ?? [],
  );
}

/** A short story in which every script has something to do; the sales of it. */
async function everyScript(house: House): Promise<string[]> {
  const sale = await openTees(house, 5, { waitlist: true, perBuyerLimit: 2, holdSeconds: 1 });
  const ann = await reserve(house.edge, sale, 'ann');
  await buyMany(house.edge, sale, 'b', 6);
  await ask(house.edge, sale, 'ann', 1, 'key');
  await house.commit(sale);
  await tell(house.edge, ann, 'confirm', { paymentRef: 'paid' });
  await house.commit(sale);
  await untilDue(house, sale);
  await house.commit(sale);
  await house.desk.restock(sale, 'tee', 3, null);
  await house.desk.withdraw(sale, 'tee', 1, null);
  await house.edge.readTicket(ann.id);
  await house.gate.counts(sale, 0);
  await house.gate.forget(sale, {
    buyerId: 'b0',
    pseudonym: 'erased.b0',
    ticketIds: [],
    epoch: 1,
    position: 1,
  });
  // What an edge remembers of a gate that forgot it, and tickets that come back to a gate that is open.
  const lost = await openTees(house, 3, { waitlist: true });
  const bob = await reserve(house.edge, lost, 'bob');
  const keys = [`{s0}:sale:${lost}`, `{s0}:intake:${lost}`, `{s0}:buyers:${lost}`, `{s0}:ticket:${bob.id}`];
  await withRedis(house, (redis) => redis.del(...keys));
  await house.commit(lost);
  await until('bob to be in line again', async () => (await house.edge.readTicket(bob.id)).kind === 'ticket');
  await house.commit(lost);
  const epoch = (await house.ledger.readSale(lost))?.cursor.epoch ?? 0;
  const page = await house.ledger.restorePage(lost, epoch + 1, 'held 0 ');
  await withRedis(house, (redis) => redis.hset(`{s0}:sale:${lost}`, 'restoring', page.from));
  await house.gate.restore(lost, epoch, { ...page, to: null }, 'worker');
  const lobby = await lobbyOf(house, 3);
  await joinMany(house.edge, lobby, 5);
  await house.commit(lobby);
  await house.desk.move(lobby, 'open', null);
  for (const one of [sale, lobby]) {
    await house.commit(one);
    await reserve(house.edge, one, 'undecided').catch(() => null);
    await withRedis(house, (redis) => redis.hincrby(`{s0}:sale:${one}`, 'epoch', -1));
    await house.commit(one);
  }
  return [sale, lobby, lost];
}
