/** Longest wait that `Prefer: wait=N` gets, in seconds; who asks for more gets this much. */
export const maxWaitSeconds = 30;

const absent = { kind: 'absent' } as const;
const printable = /^[\x20-\x7e]{1,255}$/;
const quotedString = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * The key of an `Idempotency-Key` header, whose value may be quoted (a structured string) or not: both name the same
 * key. `absent` without the header, `invalid` unless it is 1 to 255 printable ASCII characters.
 */
export function readIdempotencyKey(
  header: string | undefined,
): { kind: 'key'; key: string } | { kind: 'absent' | 'invalid' } {
  if (header === undefined) return absent;
  const quoted = header.startsWith('"');
  const key = quoted ? quotedString.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1') : header;
  return key !== undefined && printable.test(key) ? { kind: 'key', key } : { kind: 'invalid' };
}

const waitPreference = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i;

/** Seconds from `Prefer: wait=N`, at most `maxWaitSeconds`; 0 without one. A preference that is not understood is ignored (RFC 7240). */
export function readWaitSeconds(header: string | undefined): number {
  if (header === undefined) return 0;
  const wait = waitPreference.exec(header);
  return wait === null ? 0 : Math.min(Number(wait[1]), maxWaitSeconds);
}

/** Whether an `If-None-Match` header names `etag`; weak comparison (RFC 9110). */
export function matchesETag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag) return true;
  return header.split(',').some((part) => {
    const tag = part.trim();
    return tag === '*' || tag === etag || tag === `W/${etag}`;
  });
}

const jsonMediaType = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

export function isJsonMediaType(header: string | undefined): boolean {
  return header === 'application/json' || (header !== undefined && jsonMediaType.test(header));
}
