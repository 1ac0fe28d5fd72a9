/** Calls of the gate's scripts as they really happen, each with all that Redis held just before it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const folder = join(import.meta.dirname, '../../packages/gate/src/lua');

export interface Script {
  name: string;
  source: string;
}

export const scripts: readonly Script[] = readdirSync(folder).map((file) => ({
  name: file.replace('.lua', ''),
  source: readFileSync(join(folder, file), 'utf8'),
}));

export type Memory = ReadonlyMap<string, string>;

export interface RecordedCall {
  script: Script;
  keys: string[];
  args: string[];
  before: Memory;
}

type Command = Parameters<Redis['sendCommand']>[0] & {
  name: string;
  args: unknown[];
  promise: Promise<unknown>;
};

/** Records the calls of every connection of this process until `stop`. */
export function recordCalls(url: string): { calls: RecordedCall[]; stop(): void } {
  const byDigest = new Map(
    scripts.map((script) => [createHash('sha1').update(script.source).digest('hex'), script]),
  );
  const observer = new Redis(url);
  const calls: RecordedCall[] = [];
  const send = Redis.prototype.sendCommand;
  let turn: Promise<void> = Promise.resolve();
  Redis.prototype.sendCommand = function (this: Redis, ...sent: Parameters<Redis['sendCommand']>) {
    const command = sent[0] as Command;
    const script = /^eval(sha)?$/.test(command.name)
      ? (byDigest.get(String(command.args[0])) ?? scripts.find(({ source }) => source === command.args[0]))
      : undefined;
    if (script === undefined) return send.apply(this, sent);
    const [, count, ...rest] = command.args.map(String);
    turn = turn.then(async () => {
      calls.push({
        script,
        keys: rest.slice(0, Number(count)),
        args: rest.slice(Number(count)),
        before: await memoryOf(observer),
      });
      void send.apply(this, sent);
      await command.promise.catch(() => undefined);
    });
    return command.promise;
  } as typeof send;
  return {
    calls,
    stop() {
      Redis.prototype.sendCommand = send;
      observer.disconnect();
    },
  };
}

/** All that a Redis holds, as it would be restored; without the queue's. */
export async function memoryOf(redis: Redis): Promise<Memory> {
  const keys = (await redis.keys('*')).filter((key) => !key.includes(':commit:')).sort();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return new Map(keys.map((key, index) => [key, (dumps[index] as Buffer).toString('latin1')]));
}

export async function restore(redis: Redis, memory: Memory): Promise<void> {
  const pipeline = redis.pipeline().flushall();
  for (const [key, dump] of memory) pipeline.restore(key, 0, Buffer.from(dump, 'latin1'));
  await pipeline.exec();
}
