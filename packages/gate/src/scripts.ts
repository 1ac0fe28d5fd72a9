import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

/** One verb per script; each file says its keys, arguments and answer. */
const names = [
  'admit',
  'join',
  'place',
  'requeue',
  'append',
  'read-tickets',
  'read-sale',
  'read-intake',
  'settle',
  'close',
  'stage-tickets',
  'stage-buyers',
  'restore',
  'stage-entries',
  'swap',
  'count',
  'forget',
] as const;

export type ScriptName = (typeof names)[number];

/** Runs a script by its digest; the whole text is sent only when the server has forgotten it (after a restart). */
export type RunScript = (
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>;

export function loadScripts(redis: Redis): RunScript {
  const commands = redis as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const name of names) {
    const lua = readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
    redis.defineCommand(`holdfast:${name}`, { lua });
  }
  return (name, keys, args) => {
    const command = commands[`holdfast:${name}`] as (...args: unknown[]) => Promise<unknown>;
    return command.call(redis, keys.length, ...keys, ...args);
  };
}
