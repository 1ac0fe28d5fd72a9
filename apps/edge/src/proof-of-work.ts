import { createHmac } from 'node:crypto';
import type { Challenger, Judgement, SaleChallenge } from '@holdfast/core';
import { createChallenge, randomInt, verifySolution } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { z } from 'zod';

/** How long a challenge may be solved and its solution be brought, seconds: no stock of them can be made before a sale. */
export const challengeSeconds = 120;
/** A try takes about 0.15 ms of one core, so that what a browser's call costs on top does not matter. */
const iterationsPerTry = 500;
/** Longest solution that is looked at, characters: a true one has about 800. */
const longestSolution = 2_048;

/** What ALTCHA's widgets send, and our client. */
const solutionShape = z.object({
  challenge: z.object({
    parameters: z.strictObject({
      algorithm: z.string(),
      nonce: z.string(),
      salt: z.string(),
      cost: z.int(),
      keyLength: z.int(),
      keyPrefix: z.string(),
      keySignature: z.string(),
      expiresAt: z.int(),
      data: z.strictObject({ sale: z.string(), difficulty: z.int() }),
    }),
    signature: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  solution: z.object({ counter: z.int(), derivedKey: z.string() }),
});

/**
 * Proof of work in ALTCHA's form, without a service or a store: a challenge is signed, and names its sale, its difficulty
 * and its end. The key of a number of tries that is chosen here is derived once when the challenge is made, and its
 * signature goes along; so a solution costs two digests to check, and the most that a buyer may have to do is bounded,
 * which is not so where any key with enough zeros would do.
 */
export function createProofOfWork(secret: string): Challenger {
  const secrets = {
    hmacSignatureSecret: derived(secret, 'challenge'),
    hmacKeySignatureSecret: derived(secret, 'solution'),
  };

  return {
    async issue(saleId, { kind, difficulty }) {
      const challenge = await createChallenge({
        ...secrets,
        deriveKey,
        algorithm: 'PBKDF2/SHA-256',
        cost: iterationsPerTry,
        counter: randomInt(difficulty - 1, 0),
        expiresAt: Math.ceil(Date.now() / 1_000) + challengeSeconds,
        data: { sale: saleId, difficulty },
      });
      return { kind, ...challenge };
    },
    async judge(saleId, asked, text) {
      const brought = read(text);
      if (brought === null || !isFor(brought.challenge, saleId, asked)) return unsolved;
      const { verified } = await verifySolution({ ...secrets, deriveKey, ...brought });
      return verified ? solved(brought.challenge) : unsolved;
    },
  };
}

const unsolved: Judgement = { kind: 'unsolved' };

function solved({ signature, parameters }: Brought['challenge']): Judgement {
  const validSeconds = Math.max(1, Math.ceil(parameters.expiresAt - Date.now() / 1_000));
  return { kind: 'solved', id: signature.slice(0, 32), validSeconds };
}

/** One of an easier time of the same sale does not count: raising the difficulty is effective at once. */
function isFor({ parameters }: Brought['challenge'], saleId: string, { difficulty }: SaleChallenge): boolean {
  return parameters.data.sale === saleId && parameters.data.difficulty >= difficulty;
}

type Brought = z.output<typeof solutionShape>;

/** Base64 or base64url of the JSON of challenge and solution; null for anything else. */
function read(text: string): Brought | null {
  if (text.length > longestSolution) return null;
  try {
    const { success, data } = solutionShape.safeParse(JSON.parse(Buffer.from(text, 'base64').toString()));
    return success ? data : null;
  } catch {
    return null;
  }
}

/** Two uses, two secrets. */
function derived(secret: string, use: string): string {
  return createHmac('sha256', secret).update(`holdfast ${use}`).digest('base64url');
}
