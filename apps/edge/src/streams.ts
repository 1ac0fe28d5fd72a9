import type { ServerResponse } from 'node:http';
import { heartbeatFrame, heartbeatSeconds } from '@holdfast/contracts';
import type { EdgeMetrics } from './metrics.ts';

/** One open event stream. */
export interface Stream {
  send(frame: string): void;
  /** Ends it from this side. */
  end(): void;
}

export interface Streams {
  /** Sends the headers and the first frames, and keeps the stream until either side ends it; then calls `ended` once. */
  open(
    kind: 'ticket' | 'sale',
    outgoing: ServerResponse,
    headers: Record<string, string>,
    ended: () => void,
  ): Stream;
  close(): void;
}

/** Bytes that may wait for a slow reader before its stream is cut: it comes back and gets the present state. */
const maxWaitingBytes = 64 * 1024;

/**
 * Event streams are written to the socket directly: a web stream each costs several KB and three promises per frame,
 * and an edge holds 10,000 of them. One timer sends all comments, a fifteenth of them each second.
 */
export function createStreams(counts: EdgeMetrics['streams']): Streams {
  const slots = Array.from({ length: heartbeatSeconds }, () => new Set<ServerResponse>());
  let tick = 0;
  const heartbeat = setInterval(() => {
    tick = (tick + 1) % heartbeatSeconds;
    for (const outgoing of slots[tick] as Set<ServerResponse>) write(outgoing, heartbeatFrame);
  }, 1_000);
  heartbeat.unref();

  return {
    open(kind, outgoing, headers, ended) {
      headers['Content-Type'] = 'text/event-stream';
      headers['Cache-Control'] = 'no-cache, no-transform';
      headers['X-Accel-Buffering'] = 'no';
      outgoing.writeHead(200, headers);
      outgoing.flushHeaders();
      const slot = slots[tick] as Set<ServerResponse>;
      slot.add(outgoing);
      counts[kind] += 1;
      outgoing.once('close', () => {
        slot.delete(outgoing);
        counts[kind] -= 1;
        ended();
      });
      return { send: (frame) => write(outgoing, frame), end: () => void outgoing.end() };
    },
    close() {
      clearInterval(heartbeat);
      for (const slot of slots) for (const outgoing of slot) outgoing.end();
    },
  };
}

function write(outgoing: ServerResponse, frame: string): void {
  if (outgoing.writableEnded || outgoing.destroyed) return;
  if (!outgoing.write(frame) && outgoing.writableLength > maxWaitingBytes) outgoing.destroy();
}
