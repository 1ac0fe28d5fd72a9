import { hash, randomBytes } from 'node:crypto';
import { type KeyScope, keyScopes } from '@holdfast/contracts';
import type { Ledger } from '@holdfast/ledger';
import { nanoid } from 'nanoid';
import type { Log } from './parts.ts';
import { keyCheck, keyIn } from './require-key.ts';

/** Who calls, and what that key is allowed. `id` is null for the key of the settings, which is allowed everything. */
export interface Caller {
  id: string | null;
  name: string;
  scopes: ReadonlySet<KeyScope>;
}

export interface Call {
  method: string;
  route: string;
  path: string;
  status: number;
  requestId: string;
}

/** The door of the console: keys of the ledger, and the one of the settings, which works while the ledger is away. */
export function createAccess(ledger: Pick<Ledger, 'findKey' | 'recordAudit'>, adminKey: string, log: Log) {
  const isAdminKey = keyCheck(adminKey);
  const admin: Caller = { id: null, name: 'ADMIN_KEY', scopes: new Set(keyScopes) };

  return {
    /** Null for a missing, wrong or revoked key. Asked anew for every call, so that a revoked key is refused at once. */
    async callerOf(authorization: string | undefined): Promise<Caller | null> {
      const key = keyIn(authorization);
      if (key === null) return null;
      if (isAdminKey(key)) return admin;
      if (!keyForm.test(key)) return null;
      const found = await ledger.findKey(digestOf(key));
      return found && { ...found, scopes: new Set(found.scopes as KeyScope[]) };
    },

    /**
     * Written when the call is over, since only then its status is known. What was done stands whether or not this can
     * be written, so it is answered either way; what could not be written stands in the log in full.
     */
    async record(caller: Caller, call: Call): Promise<void> {
      const entry = { id: nanoid(), keyId: caller.id, keyName: caller.name, ...call };
      try {
        await ledger.recordAudit(entry);
      } catch (error) {
        log.error({ ...entry, err: error }, 'what was done with a key could not be recorded');
      }
    },
  };
}

/** 256 random bits. What has another form was never given out, and costs the ledger nothing. */
export function newKey(): string {
  return `hf_${randomBytes(32).toString('base64url')}`;
}

const keyForm = /^hf_[\w-]{43}$/;

export function digestOf(key: string): string {
  return hash('sha256', key);
}
