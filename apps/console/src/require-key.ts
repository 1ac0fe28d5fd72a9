import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether an `Authorization` header carries the key. Takes the same time for every wrong key. */
export function keyCheck(adminKey: string): (header: string | undefined) => boolean {
  const expected = digest(adminKey);
  return (header) => {
    const key = /^Bearer +([\x21-\x7e]+) *$/i.exec(header ?? '')?.[1];
    return timingSafeEqual(digest(key ?? ''), expected) && key !== undefined;
  };
}

/** Digests have one length, whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
