import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a cookie stands for: a key by its id (null for the one of the settings), until a time in epoch milliseconds. */
export interface Session {
  keyId: string | null;
  expiresAt: number;
}

export interface Sessions {
  open(keyId: string | null): { token: string; expiresAt: number };
  /** Null for a token that was not made here, or is over. */
  read(token: string): Session | null;
}

export const sessionSeconds = 12 * 3_600;

/**
 * Sessions are signed and not stored, so that somebody with the key of the settings gets in while the ledger is away,
 * and nobody is signed out by a restart. What a session may do is asked of its key at every call: one that was revoked
 * is worth nothing at once, and another ADMIN_KEY ends them all.
 */
export function createSessions(adminKey: string, now: () => number = Date.now): Sessions {
  const secret = Buffer.from(hkdfSync('sha256', adminKey, '', 'holdfast console session', 32));
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest();
  return {
    open(keyId) {
      const expiresAt = now() + sessionSeconds * 1_000;
      const nonce = randomBytes(9).toString('base64url');
      const text = Buffer.from(JSON.stringify([keyId, expiresAt, nonce])).toString('base64url');
      return { token: `${text}.${sign(text).toString('base64url')}`, expiresAt };
    },
    read(token) {
      const [text = '', signature = ''] = token.split('.');
      const given = Buffer.from(signature, 'base64url');
      const expected = sign(text);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
      const [keyId, expiresAt] = JSON.parse(Buffer.from(text, 'base64url').toString()) as [
        string | null,
        number,
      ];
      return expiresAt > now() ? { keyId, expiresAt } : null;
    },
  };
}

const cookieName = 'holdfast_session';

/** Only pages of this origin can send it back, and no script can read it. Over HTTPS it never travels without. */
export function sessionCookie(token: string, seconds: number, secure: boolean): string {
  return [
    `${cookieName}=${token}`,
    'Path=/',
    `Max-Age=${seconds}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(secure ? ['Secure'] : []),
  ].join('; ');
}

export function sessionTokenIn(cookies: string | undefined): string | null {
  if (cookies === undefined || cookies.length > 8_192) return null;
  for (const cookie of cookies.split(';')) {
    const [name, token] = cookie.trim().split('=', 2);
    if (name === cookieName && token !== undefined && token !== '') return token;
  }
  return null;
}
