import { keyScopes, sessionBody, sessionRecord } from '@holdfast/contracts';
import type { Access, Caller, Credentials } from '../access.ts';
import { type ConsoleContext, json, problemResponse } from '../answers.ts';
import { isOwnOrigin } from '../own-origin.ts';
import { readBody } from '../read-body.ts';
import type { Route } from '../routes.ts';
import { sessionCookie, sessionSeconds } from '../sessions.ts';

/** The page trades a key for a cookie, so that the key is neither kept nor sent again by a browser. */
export function sessionRoutes(access: Access): Route[] {
  return [
    { method: 'POST', path: '/v1/session', open: true, handle: (c) => signIn(c, access) },
    { method: 'GET', path: '/v1/session', open: true, handle: (c) => who(c, access) },
    { method: 'DELETE', path: '/v1/session', open: true, handle: signOut },
  ];
}

export function credentialsOf(c: ConsoleContext): Credentials {
  return {
    authorization: c.req.header('authorization'),
    cookie: c.req.header('cookie'),
    address: addressOf(c),
  };
}

async function signIn(c: ConsoleContext, access: Access): Promise<Response> {
  // Nobody is signed in by another site, as somebody else.
  if (!isOwnOrigin(c)) return problemResponse(c, 'forbidden');
  const read = await readBody(c, sessionBody);
  if (!read.ok) return read.response;
  const admitted = await access.byKey(read.body.key, addressOf(c));
  if (admitted.kind === 'wait') {
    const response = problemResponse(c, 'rate_limited');
    response.headers.set('Retry-After', String(admitted.seconds));
    return response;
  }
  if (admitted.kind === 'nobody') return problemResponse(c, 'unauthorized');
  const { token, expiresAt } = access.openSession(admitted.caller);
  return json(201, recordOf(admitted.caller, expiresAt), {
    'Set-Cookie': sessionCookie(token, sessionSeconds, isSecure(c)),
  });
}

async function who(c: ConsoleContext, access: Access): Promise<Response> {
  const admitted = await access.admit(credentialsOf(c));
  return admitted.kind === 'caller'
    ? json(200, recordOf(admitted.caller, admitted.expiresAt))
    : problemResponse(c, 'unauthorized');
}

function signOut(c: ConsoleContext): Response {
  if (!isOwnOrigin(c)) return problemResponse(c, 'forbidden');
  return json(200, {}, { 'Set-Cookie': sessionCookie('', 0, isSecure(c)) });
}

function recordOf({ name, scopes }: Caller, expiresAt: number | null) {
  return sessionRecord({ name, scopes: keyScopes.filter((scope) => scopes.has(scope)), expiresAt });
}

/** Told by the page's own address: who lies about it only loses the cookie. */
function isSecure(c: ConsoleContext): boolean {
  return c.req.header('origin')?.startsWith('https:') === true;
}

function addressOf(c: ConsoleContext): string | null {
  return c.env?.incoming?.socket?.remoteAddress ?? null;
}
