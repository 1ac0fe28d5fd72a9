import { createHash, timingSafeEqual } from 'node:crypto';

/** The key of an `Authorization` header; null when it carries none. */
export function keyIn(header: string | undefined): string | null {
  return /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(header ?? '')?.[1] ?? null;
}

/** Whether a key is the expected one. Takes the same time for every wrong key. */
export function keyCheck(expectedKey: string): (key: string) => boolean {
  const expected = digest(expectedKey);
  return (key) => timingSafeEqual(digest(key), expected);
}

/** Digests have one length, whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
