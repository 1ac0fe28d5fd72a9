import type { ServerResponse } from 'node:http';
import { comeBackFrame, heartbeatFrame, heartbeatSeconds } from '@holdfast/contracts';
import type { StreamPlace } from './doors.ts';
import type { EdgeMetrics } from './metrics.ts';

/** One open event stream. */
export interface Stream {
  /** A state that takes the place of every one before: a reader who is behind gets the last, not all of them. */
  send(frame: string): void;
  /** Ends it from this side, once what was sent is on its way. */
  end(): void;
}

export interface Streams {
  /**
   * Sends the headers and the first frames, and keeps the stream, and its place, until either side ends it; then calls
   * `ended` once.
   */
  open(
    kind: 'ticket' | 'sale',
    outgoing: ServerResponse,
    headers: Record<string, string>,
    place: StreamPlace,
    ended: () => void,
  ): Stream;
  /** Ends all of them, each with the word when to come back. */
  close(): void;
}

/** Bytes that may wait for a reader before it counts as behind: then only the last state is kept for it. */
const maxWaitingBytes = 4 * 1024;
/** A reader who was behind is looked at this often, and gets what is newest when there is room. */
const lookEveryMs = 1_000;
/** When all streams end at once, their readers come back at times of their own. */
const comeBackMs = { soonest: 500, latest: 3_500 };

interface Open {
  outgoing: ServerResponse;
  /** The newest state, if it could not be written yet. */
  pending: string | null;
  ending: boolean;
}

/**
 * Event streams are written to the socket directly: a web stream each costs several KB and three promises per frame,
 * and an edge holds 10,000 of them. One timer sends all comments, a fifteenth of them each second, and sees to those who
 * are behind. Whoever takes nothing at all is cut off by the server, as any silent connection is.
 */
export function createStreams(counts: EdgeMetrics['streams']): Streams {
  const slots = Array.from({ length: heartbeatSeconds }, () => new Set<Open>());
  const behind = new Set<Open>();
  let tick = 0;
  const clock = setInterval(() => {
    for (const one of behind) catchUp(one);
    tick = (tick + 1) % heartbeatSeconds;
    for (const one of slots[tick] as Set<Open>) if (!isBehind(one)) one.outgoing.write(heartbeatFrame);
  }, lookEveryMs);
  clock.unref();

  function send(one: Open, frame: string): void {
    if (one.ending || one.outgoing.destroyed) return;
    if (isBehind(one)) {
      one.pending = frame;
      behind.add(one);
    } else {
      one.pending = null;
      one.outgoing.write(frame);
    }
  }

  function end(one: Open): void {
    one.ending = true;
    if (one.pending === null) one.outgoing.end();
  }

  function catchUp(one: Open): void {
    if (isBehind(one)) return;
    behind.delete(one);
    if (one.pending !== null) one.outgoing.write(one.pending);
    one.pending = null;
    if (one.ending) one.outgoing.end();
  }

  return {
    open(kind, outgoing, headers, place, ended) {
      headers['Content-Type'] = 'text/event-stream';
      headers['Cache-Control'] = 'no-cache, no-transform';
      headers['X-Accel-Buffering'] = 'no';
      const one: Open = { outgoing, pending: null, ending: false };
      const slot = slots[tick] as Set<Open>;
      const leave = () => {
        slot.delete(one);
        behind.delete(one);
        counts[kind] -= 1;
        place.leave();
        ended();
      };
      slot.add(one);
      counts[kind] += 1;
      // Whoever left while the first state was read will not leave again.
      if (outgoing.closed || outgoing.destroyed) queueMicrotask(leave);
      else {
        outgoing.once('close', leave);
        outgoing.writeHead(200, headers);
        outgoing.flushHeaders();
      }
      return { send: (frame) => send(one, frame), end: () => end(one) };
    },
    close() {
      clearInterval(clock);
      const { soonest, latest } = comeBackMs;
      for (const slot of slots)
        for (const { outgoing } of slot)
          if (!outgoing.writableEnded)
            outgoing.end(comeBackFrame(soonest + Math.floor(Math.random() * (latest - soonest))));
    },
  };
}

function isBehind({ outgoing }: Open): boolean {
  return outgoing.writableEnded || outgoing.destroyed || outgoing.writableLength > maxWaitingBytes;
}
