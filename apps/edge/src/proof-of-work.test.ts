import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProofOfWork } from './proof-of-work.ts';

const asked = { kind: 'proof_of_work', difficulty: 4 } as const;
const { issue, judge } = createProofOfWork('a secret for tests, and for nothing else');

describe('a proof of work', () => {
  it('is no text that anybody may send instead', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.base64String()), async (text) => {
        expect(await judge('sale', asked, text)).toEqual({ kind: 'unsolved' });
      }),
    );
  });

  it('is no challenge that was bent in any place, and no guess', async () => {
    const { kind: _, ...challenge } = (await issue('sale', asked)) as Record<string, unknown>;
    const whole = { challenge, solution: { counter: 0, derivedKey: 'ab'.repeat(32) } };
    const places = pathsOf(whole);
    expect(places.length).toBeGreaterThan(15);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue(), async (path, value) => {
        const text = btoa(unescape(encodeURIComponent(JSON.stringify(bent(whole, path, value)))));
        expect(await judge('sale', asked, text)).toEqual({ kind: 'unsolved' });
      }),
      { numRuns: 500 },
    );
  });

  it('is another one each time it is asked for', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => issue('sale', asked)));
    expect(new Set(made.map((one) => one?.['signature'])).size).toBe(20);
  });
});

function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, [...path, name]))];
}

function bent(value: unknown, [name, ...rest]: string[], put: unknown): unknown {
  if (name === undefined) return put;
  const fields = value as Record<string, unknown>;
  return { ...fields, [name]: bent(fields[name], rest, put) };
}
