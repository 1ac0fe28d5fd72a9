import { useEffect, useRef, useState } from 'react';
import { ask } from './ask.ts';

/** `old`: nothing was heard for longer than it should take; what is shown was true then. */
export interface Heard {
  state: 'connecting' | 'live' | 'old';
  /** Seconds since the last frame; 0 before the first. */
  ageSeconds: number;
  /** Why frames came without figures: a store that is away. */
  fault: string | null;
}

/** Frames come every second; this long without one is not chance. */
const oldAfterMs = 3_500;
/** A connection without a frame for so long is not one. */
const deadAfterMs = 10_000;
const againMs = 1_000;
const lookMs = 500;

/**
 * Listens to a stream of the console for as long as the page is seen: a hidden tab lets go of its connection, of which
 * a browser has six per host. Comes back by itself, and asks whether the session is still one when it was cut off.
 */
export function useStream(
  path: string,
  events: readonly string[],
  onFrame: (event: string, data: unknown) => void,
): Heard {
  const [heard, setHeard] = useState<Heard>({ state: 'connecting', ageSeconds: 0, fault: null });
  const handler = useRef(onFrame);
  handler.current = onFrame;
  const names = events.join(' ');

  useEffect(() => {
    let source: EventSource | null = null;
    let again: ReturnType<typeof setTimeout> | undefined;
    let heardAt: number | null = null;
    let openedAt = 0;
    let fault: string | null = null;

    const show = () => {
      const ageMs = heardAt === null ? 0 : performance.now() - heardAt;
      const state = heardAt === null ? 'connecting' : ageMs > oldAfterMs ? 'old' : 'live';
      const ageSeconds = state === 'old' ? Math.floor(ageMs / 1_000) : 0;
      setHeard((now) =>
        now.state === state && now.ageSeconds === ageSeconds && now.fault === fault
          ? now
          : { state, ageSeconds, fault },
      );
    };
    const close = () => {
      source?.close();
      source = null;
      clearTimeout(again);
    };
    const open = () => {
      close();
      openedAt = performance.now();
      source = new EventSource(path);
      for (const name of [...names.split(' '), 'fault']) {
        source.addEventListener(name, ({ data }: MessageEvent<string>) => {
          const frame: unknown = JSON.parse(data);
          fault = name === 'fault' ? (frame as { code: string }).code : null;
          if (name !== 'fault') {
            heardAt = performance.now();
            handler.current(name, frame);
          }
          show();
        });
      }
      source.addEventListener('error', () => {
        close();
        // A stream cannot say why it ended; a call can, and a session that is over shows itself by it.
        void ask('GET', '/v1/session').catch(() => undefined);
        again = setTimeout(open, againMs);
      });
    };
    const seen = () => {
      if (document.hidden) close();
      else if (source === null) open();
    };
    const look = setInterval(() => {
      show();
      const since = performance.now() - Math.max(heardAt ?? 0, openedAt);
      if (source !== null && since > deadAfterMs && fault === null) open();
    }, lookMs);
    seen();
    document.addEventListener('visibilitychange', seen);
    return () => {
      clearInterval(look);
      document.removeEventListener('visibilitychange', seen);
      close();
    };
  }, [path, names]);

  return heard;
}
