import { z } from 'zod';
import { isoTime } from '../text.ts';
import type { KeyScope } from './keys.ts';

/** The body of `POST /v1/session`: a key, for a cookie. */
export const sessionBody = z.strictObject({
  key: z.string().regex(/^[\x21-\x7e]{1,512}$/, { error: 'must be a key' }),
});

/** Who is signed in, and what that key is allowed. `expiresAt` is epoch milliseconds; null for a call with a key. */
export interface SessionView {
  name: string;
  scopes: readonly KeyScope[];
  expiresAt: number | null;
}

export function sessionRecord({ name, scopes, expiresAt }: SessionView) {
  return { name, scopes, expiresAt: expiresAt === null ? null : isoTime(expiresAt) };
}
