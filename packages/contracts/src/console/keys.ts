import { z } from 'zod';
import { isoTime, isoTimeOrNull, plainText } from '../text.ts';

/**
 * What a key may do. Each stands for itself: a key that runs sales and looks at them has both.
 * `read` changes nothing; `operate` moves a sale along (open, pause, resume, close); `merchant` decides what is sold,
 * what is taken back, and who else has a key.
 */
export const keyScopes = ['read', 'operate', 'merchant'] as const;
export type KeyScope = (typeof keyScopes)[number];

/** The body of `POST /v1/keys`. */
export const newKeyBody = z.strictObject({
  name: plainText(128),
  scopes: z
    .array(z.enum(keyScopes, { error: 'must be read, operate or merchant' }))
    .min(1)
    .max(keyScopes.length)
    .refine((scopes) => new Set(scopes).size === scopes.length, { error: 'names a scope twice' }),
});

/** A key as the ledger keeps it, without the key. Times are epoch milliseconds. */
export interface KeyView {
  id: string;
  name: string;
  /** How the key begins, by which people tell their keys apart. */
  prefix: string;
  scopes: readonly KeyScope[];
  createdAt: number;
  lastUsedAt: number | null;
  revokedAt: number | null;
}

export function keyRecord(key: KeyView) {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    createdAt: isoTime(key.createdAt),
    lastUsedAt: isoTimeOrNull(key.lastUsedAt),
    revokedAt: isoTimeOrNull(key.revokedAt),
  };
}

/** One thing that was done with a key. `keyId` is null for the key of the settings. Times are epoch milliseconds. */
export interface AuditEntry {
  id: string;
  at: number;
  keyId: string | null;
  keyName: string;
  method: string;
  /** The call as the contract names it, and the address that it was sent to. */
  route: string;
  path: string;
  status: number;
  requestId: string;
}

export function auditRecord(entry: AuditEntry) {
  return { ...entry, at: isoTime(entry.at) };
}
