/** What the gate has in its memory at an instant, and how it loses it. Everything in a database of Redis is one gate's. */
import type { Redis } from 'ioredis';

export interface GateMemory {
  /** Keeps what is there now. */
  remember(): Promise<void>;
  /** Puts one of the kept memories in the place of what is there, as a restart from a file does that ends there. */
  setBack(which: number): Promise<boolean>;
  empty(): Promise<void>;
}

interface Kept {
  key: Buffer;
  /** Milliseconds; below zero for ever. */
  ttl: number;
  text: Buffer;
}

/** In one step, as a file has it. */
const everything = `
  local kept = {}
  for _, key in ipairs(redis.call('KEYS', '*')) do
    kept[#kept + 1] = key
    kept[#kept + 1] = tostring(redis.call('PTTL', key))
    kept[#kept + 1] = redis.call('DUMP', key)
  end
  return kept`;

export function createGateMemory(redis: Redis): GateMemory {
  const kept: Kept[][] = [];
  return {
    async remember() {
      const flat = (await redis.callBuffer('EVAL', everything, '0')) as Buffer[];
      const memory: Kept[] = [];
      for (let index = 0; index < flat.length; index += 3) {
        const [key, ttl, text] = flat.slice(index, index + 3) as [Buffer, Buffer, Buffer];
        memory.push({ key, ttl: Number(ttl.toString()), text });
      }
      kept.push(memory);
    },
    async setBack(which) {
      const memory = kept.at(-1 - which) ?? kept.at(0);
      if (memory === undefined) return false;
      const changes = redis.multi().flushdb();
      for (const { key, ttl, text } of memory) changes.restore(key, Math.max(0, ttl), text);
      await changes.exec();
      return true;
    },
    async empty() {
      await redis.flushdb();
    },
  };
}
