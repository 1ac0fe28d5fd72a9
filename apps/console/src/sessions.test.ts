import { describe, expect, it } from 'vitest';
import { createSessions, sessionCookie, sessionSeconds, sessionTokenIn } from './sessions.ts';

const key = 'a-key-for-tests-only';

describe('a session', () => {
  it('is known again by another process with the same key, until its time is over', () => {
    let now = 1_000;
    const { token, expiresAt } = createSessions(key, () => now).open('k1');
    const after = createSessions(key, () => now);
    expect(after.read(token)).toEqual({ keyId: 'k1', expiresAt });
    now = expiresAt - 1;
    expect(after.read(token)).not.toBeNull();
    now = expiresAt;
    expect(after.read(token)).toBeNull();
    expect(expiresAt).toBe(1_000 + sessionSeconds * 1_000);
  });

  it('is nobody’s under another key, changed, cut or made up', () => {
    const sessions = createSessions(key);
    const { token } = sessions.open(null);
    const [text = '', signature = ''] = token.split('.');
    const admin = Buffer.from(JSON.stringify([null, Date.now() + 1e9, 'x'])).toString('base64url');
    expect(createSessions('another-key-for-tests').read(token)).toBeNull();
    for (const wrong of [
      '',
      '.',
      text,
      `${text}.`,
      `.${signature}`,
      `${admin}.${signature}`,
      `${text}x.${signature}`,
    ])
      expect(sessions.read(wrong), wrong).toBeNull();
    expect(sessions.read(token)).toMatchObject({ keyId: null });
  });

  it('is another one each time', () => {
    const sessions = createSessions(key, () => 5);
    expect(sessions.open('k1').token).not.toBe(sessions.open('k1').token);
  });

  it('travels in a cookie that no script reads and no other site sends', () => {
    const cookie = sessionCookie('abc', 60, true);
    expect(cookie).toBe('holdfast_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure');
    expect(sessionCookie('abc', 60, false)).not.toContain('Secure');
    expect(sessionTokenIn('other=1; holdfast_session=abc; more=2')).toBe('abc');
    for (const none of [undefined, '', 'holdfast_session=', 'xholdfast_session=abc', 'a'.repeat(9_000)])
      expect(sessionTokenIn(none)).toBeNull();
  });
});
