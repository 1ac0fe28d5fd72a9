import { readFileSync } from 'node:fs';
import { type Answer, isBuyerId, problem } from '@holdfast/contracts';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { type EdgeContext, headerOf } from './call.ts';

export interface BuyerTokenSettings {
  /** Shared secret of HS256 tokens; or null. */
  secret: string | null;
  /** Address or file of the public keys of RS256, ES256 and EdDSA tokens; or null. */
  jwks: string | null;
  issuer: string | null;
  audience: string | null;
}

/** Who the token of a request says it is. `answer`: it has none that counts, or it could not be checked. */
export type TokenRead = { kind: 'buyer'; buyerId: string } | { kind: 'answer'; answer: Answer };

export interface BuyerTokens {
  read(c: EdgeContext, requestId: string): Promise<TokenRead>;
}

/** Longest token that is looked at, characters: checking a signature costs more than refusing it. */
const longestToken = 4_096;
/** How far the clocks of whoever signs and this process may be apart, seconds. */
const clockToleranceSeconds = 5;

/**
 * Buyers by signed tokens: the buyer is `sub`. Algorithms are named here and never taken from the token: a secret checks
 * HS256 alone and public keys the asymmetric ones alone, so that no public key can be passed off as a secret.
 * Throws when a file of keys cannot be read.
 */
export function createBuyerTokens(
  settings: BuyerTokenSettings,
  onKeysAway: (error: Error) => void,
): BuyerTokens {
  const verify = verifierOf(settings);
  const rules = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: clockToleranceSeconds,
    ...(settings.issuer !== null && { issuer: settings.issuer }),
    ...(settings.audience !== null && { audience: settings.audience }),
  };

  return {
    async read(c, requestId) {
      const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(headerOf(c, 'authorization') ?? '')?.[1];
      if (token === undefined || token.length > longestToken) return unauthorized(requestId);
      try {
        const { payload } = await verify(token, rules);
        const { sub } = payload;
        return typeof sub === 'string' && isBuyerId(sub)
          ? { kind: 'buyer', buyerId: sub }
          : unauthorized(requestId);
      } catch (error) {
        if (!isKeysAway(error)) return unauthorized(requestId);
        // Nobody is logged out because the keys cannot be fetched for a moment.
        onKeysAway(error as Error);
        return { kind: 'answer', answer: problem('gate_unavailable', requestId) };
      }
    },
  };
}

function verifierOf({ secret, jwks }: BuyerTokenSettings) {
  if (secret !== null) {
    const key = new TextEncoder().encode(secret);
    return (token: string, rules: object) => jwtVerify(token, key, { ...rules, algorithms: ['HS256'] });
  }
  const keys = keysAt(jwks ?? '');
  return (token: string, rules: object) =>
    jwtVerify(token, keys, { ...rules, algorithms: ['RS256', 'ES256', 'EdDSA'] });
}

function keysAt(place: string): JWTVerifyGetKey {
  return /^https?:\/\//.test(place)
    ? createRemoteJWKSet(new URL(place), { timeoutDuration: 2_000 })
    : createLocalJWKSet(JSON.parse(readFileSync(place, 'utf8')));
}

/** What is not the token's fault: its keys could not be fetched. */
function isKeysAway(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout) return true;
  return !(error instanceof errors.JOSEError) || error.code === 'ERR_JOSE_GENERIC';
}

function unauthorized(requestId: string): TokenRead {
  const answer = problem('unauthorized', requestId);
  answer.headers['WWW-Authenticate'] = 'Bearer realm="holdfast"';
  return { kind: 'answer', answer };
}
