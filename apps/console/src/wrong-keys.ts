import { hash } from 'node:crypto';

/** Holds up who tries keys: after so many wrong ones an address has to wait, however right the next one is. */
export interface WrongKeys {
  /** Seconds until this address may try another key; null when it may now. Null addresses are not counted. */
  waitFor(address: string | null, key: string): number | null;
  wrong(address: string | null): void;
  right(key: string): void;
}

/** Wrong keys of one address within a window. */
export const mostWrongKeys = 20;
const windowMs = 60_000;
/** Addresses and keys that are remembered; the oldest are forgotten. */
const mostRemembered = 10_000;

/**
 * A key that was right a moment ago is not held up by others behind the same proxy: whoever guesses does not have it.
 * Kept by each process for itself.
 */
export function createWrongKeys(now: () => number = Date.now): WrongKeys {
  const attempts = new Map<string, { count: number; since: number }>();
  const known = new Map<string, true>();

  function current(address: string): { count: number; since: number } | null {
    const found = attempts.get(address);
    return found !== undefined && now() - found.since < windowMs ? found : null;
  }

  return {
    waitFor(address, key) {
      const found = address === null ? null : current(address);
      if (found === null || found.count < mostWrongKeys || known.has(digest(key))) return null;
      return Math.max(1, Math.ceil((found.since + windowMs - now()) / 1_000));
    },
    wrong(address) {
      if (address === null) return;
      const found = current(address) ?? { count: 0, since: now() };
      remember(attempts, address, { ...found, count: found.count + 1 });
    },
    right: (key) => remember(known, digest(key), true),
  };
}

function remember<Value>(map: Map<string, Value>, name: string, value: Value): void {
  map.delete(name);
  map.set(name, value);
  if (map.size <= mostRemembered) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

function digest(key: string): string {
  return hash('sha256', key);
}
