import { useCallback, useEffect, useRef, useState } from 'react';
import type { LiveFrame, LiveHistory, LiveSample } from './records.ts';
import { type Heard, useStream } from './stream.ts';

export interface Live {
  /** Null before the first word. */
  frame: LiveFrame | null;
  history: LiveHistory;
  heard: Heard;
}

/** Samples shown: the last quarter of an hour. */
const mostSamples = 900;

/** A sale as it goes: the snapshot, and then every second what changed. */
export function useLive(saleId: string): Live {
  const [frame, setFrame] = useState<LiveFrame | null>(null);
  const history = useRef<LiveHistory>(emptyHistory());
  const take = useCallback((event: string, data: unknown) => {
    const next = data as LiveFrame;
    if (event === 'snapshot') history.current = behind(history.current, next.history ?? emptyHistory());
    else if (next.sample !== null) history.current = withSample(history.current, next.sample);
    setFrame(next);
  }, []);
  useEffect(() => {
    history.current = emptyHistory();
    setFrame(null);
  }, [saleId]);
  const heard = useStream(`/v1/sales/${encodeURIComponent(saleId)}/live`, ['snapshot', 'now'], take);
  return { frame, history: history.current, heard };
}

/** A console that was started anew knows nothing of before; this page still does. */
function behind(known: LiveHistory, fresh: LiveHistory): LiveHistory {
  const first = fresh.at[0] ?? Number.POSITIVE_INFINITY;
  const older = known.at.findIndex((at) => at >= first);
  const kept = older === -1 ? known.at.length : older;
  if (kept === 0) return fresh;
  const { refused, ...columns } = fresh;
  const next = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [
      name,
      [...known[name as keyof typeof columns].slice(0, kept), ...column].slice(-mostSamples),
    ]),
  ) as Omit<LiveHistory, 'refused'>;
  const nextRefused: LiveHistory['refused'] = {};
  for (const reason of new Set([...Object.keys(known.refused), ...Object.keys(refused)]) as Set<
    keyof typeof refused
  >) {
    const before = known.refused[reason]?.slice(0, kept) ?? zeros(kept);
    const after = refused[reason] ?? zeros(fresh.at.length);
    nextRefused[reason] = [...before, ...after].slice(-mostSamples);
  }
  return { ...next, refused: nextRefused };
}

function withSample(history: LiveHistory, sample: LiveSample): LiveHistory {
  if (sample.at <= (history.at.at(-1) ?? 0)) return history;
  const { refused, ...columns } = history;
  const length = history.at.length;
  const next = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [
      name,
      [...column, sample[name as keyof typeof columns]].slice(-mostSamples),
    ]),
  ) as Omit<LiveHistory, 'refused'>;
  const reasons = new Set([
    ...Object.keys(refused),
    ...Object.keys(sample.refused),
  ] as (keyof typeof refused)[]);
  const nextRefused: LiveHistory['refused'] = {};
  for (const reason of reasons) {
    const column = refused[reason] ?? zeros(length);
    nextRefused[reason] = [...column, sample.refused[reason] ?? 0].slice(-mostSamples);
  }
  return { ...next, refused: nextRefused };
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}

function emptyHistory(): LiveHistory {
  return {
    at: [],
    admitted: [],
    depth: [],
    oldestAgeMs: [],
    transactions: [],
    batch: [],
    commitMs: [],
    held: [],
    confirmed: [],
    lapsed: [],
    givenBack: [],
    units: [],
    available: [],
    refused: {},
  };
}
