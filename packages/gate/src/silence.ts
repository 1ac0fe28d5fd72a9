import { TLSSocket } from 'node:tls';
import type { Redis } from 'ioredis';

/**
 * Breaks a connection on which Redis was asked something and has said nothing for so long. Otherwise a Redis that was
 * frozen would give units, when it wakes, to buyers who were refused long ago: to 300 of 300 in a test without this, to
 * 179 with the connection closed, and to 64, one batch, with it reset: then Redis reads one piece more, cannot answer,
 * and drops the rest.
 */
export function resetWhenSilent(redis: Redis, silentMs: number): void {
  let stream: Redis['stream'] | undefined;
  let read = 0;
  let written = 0;
  let askedAt: number | null = null;
  const clock = setInterval(() => {
    if (redis.status === 'end') clearInterval(clock);
    const current: Redis['stream'] | undefined = redis.stream;
    if (current === undefined || current.destroyed) return;
    const said = current.bytesRead;
    if (current !== stream || said !== read) {
      stream = current;
      read = said;
      // Of a connection that has not said a word, the handshake waits for its answer.
      written = said === 0 ? 0 : current.bytesWritten;
      askedAt = null;
    }
    if (current.bytesWritten > written) askedAt ??= performance.now();
    if (askedAt === null || performance.now() - askedAt < silentMs) return;
    if (current instanceof TLSSocket) current.destroy();
    else current.resetAndDestroy();
  }, silentMs / 8);
  clock.unref();
}
