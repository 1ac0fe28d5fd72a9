import { hash, randomBytes } from 'node:crypto';
import { type KeyScope, keyScopes } from '@holdfast/contracts';
import type { Ledger } from '@holdfast/ledger';
import { nanoid } from 'nanoid';
import type { Log } from './parts.ts';
import { keyCheck, keyIn } from './require-key.ts';
import { createSessions, sessionTokenIn } from './sessions.ts';
import { createWrongKeys } from './wrong-keys.ts';

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

/** What a call brings along to say who makes it. `address` is null where there is no connection. */
export interface Credentials {
  authorization: string | undefined;
  cookie: string | undefined;
  address: string | null;
}

/** `nobody`: no key, a wrong one, or one that was revoked. `wait`: too many wrong keys came from there. */
export type Admittance =
  | { kind: 'caller'; caller: Caller; by: 'key' | 'session'; expiresAt: number | null }
  | { kind: 'nobody' }
  | { kind: 'wait'; seconds: number };

export type Access = ReturnType<typeof createAccess>;

/** The door of the console: keys of the ledger, and the one of the settings, which works while the ledger is away. */
export function createAccess(
  ledger: Pick<Ledger, 'findKey' | 'keyHolder' | 'recordAudit'>,
  adminKey: string,
  log: Log,
) {
  const isAdminKey = keyCheck(adminKey);
  const sessions = createSessions(adminKey);
  const wrongKeys = createWrongKeys();
  const admin: Caller = { id: null, name: 'ADMIN_KEY', scopes: new Set(keyScopes) };

  async function holderOf(key: string): Promise<Caller | null> {
    if (isAdminKey(key)) return admin;
    if (!keyForm.test(key)) return null;
    return callerFrom(await ledger.findKey(digestOf(key)));
  }

  async function byKey(key: string, address: string | null): Promise<Admittance> {
    const seconds = wrongKeys.waitFor(address, key);
    if (seconds !== null) return { kind: 'wait', seconds };
    const caller = await holderOf(key);
    if (caller === null) wrongKeys.wrong(address);
    else wrongKeys.right(key);
    return caller === null ? nobody : { kind: 'caller', caller, by: 'key', expiresAt: null };
  }

  async function bySession(token: string): Promise<Admittance> {
    const session = sessions.read(token);
    if (session === null) return nobody;
    const { keyId, expiresAt } = session;
    const caller = keyId === null ? admin : callerFrom(await ledger.keyHolder(keyId));
    return caller === null ? nobody : { kind: 'caller', caller, by: 'session', expiresAt };
  }

  return {
    /** Asked anew for every call, so that a revoked key is refused at once, and its sessions with it. */
    async admit({ authorization, cookie, address }: Credentials): Promise<Admittance> {
      // A key that was sent counts, even a wrong one: a session never stands in for it.
      if (authorization !== undefined) {
        const key = keyIn(authorization);
        return key === null ? nobody : byKey(key, address);
      }
      const token = sessionTokenIn(cookie);
      return token === null ? nobody : bySession(token);
    },
    byKey,
    openSession: (caller: Caller) => sessions.open(caller.id),

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

const nobody: Admittance = { kind: 'nobody' };

function callerFrom(found: { id: string; name: string; scopes: string[] } | null): Caller | null {
  return found && { ...found, scopes: new Set(found.scopes as KeyScope[]) };
}

/** 256 random bits. What has another form was never given out, and costs the ledger nothing. */
export function newKey(): string {
  return `hf_${randomBytes(32).toString('base64url')}`;
}

const keyForm = /^hf_[\w-]{43}$/;

export function digestOf(key: string): string {
  return hash('sha256', key);
}
