import { setImmediate as othersTurn } from 'node:timers/promises';
import { eventFrame, eventNames, type SaleJson, saleJson } from '@holdfast/contracts';
import type { EdgeGate, SaleView } from '@holdfast/core';
import type { Stream } from './streams.ts';

export interface SaleFeeds {
  /** `shown` is what the stream has already. Returns how to leave. */
  join(saleId: string, stream: Stream, shown: SaleView): () => void;
  close(): void;
}

interface Feed {
  streams: Set<Stream>;
  unwatch: () => void;
  /** The last frame's content without its time. */
  content: string;
  changed: boolean;
  reading: boolean;
  readAt: number;
}

/** A frame at most this often, milliseconds: 4 a second. */
const frameEveryMs = 250;
/** A frame to so many takes some milliseconds; between these, buyers are answered. */
const streamsAtOnce = 100;
/** Looked at again this often without any message. */
const readEveryMs = 1_000;

/** One read and one serialised frame per sale and quarter of a second, for however many streams. */
export function createSaleFeeds(gate: Pick<EdgeGate, 'readSale' | 'watchSale'>): SaleFeeds {
  const feeds = new Map<string, Feed>();
  const clock = setInterval(() => {
    const now = performance.now();
    for (const [saleId, feed] of feeds) {
      if (!feed.reading && (feed.changed || now - feed.readAt >= readEveryMs))
        void refresh(saleId, feed, now);
    }
  }, frameEveryMs);
  clock.unref();

  async function refresh(saleId: string, feed: Feed, now: number): Promise<void> {
    feed.reading = true;
    feed.changed = false;
    feed.readAt = now;
    try {
      const read = await gate.readSale(saleId);
      if (read.kind === 'sale') await show(feed, read.sale);
    } catch {
      // The next second tries again; streams keep the last value meanwhile.
    } finally {
      feed.reading = false;
    }
  }

  async function show(feed: Feed, sale: SaleView): Promise<void> {
    const json = saleJson(sale);
    const content = contentOf(json);
    if (content === feed.content) return;
    feed.content = content;
    const frame = eventFrame(eventNames.sale, sale.now, JSON.stringify(json));
    let sent = 0;
    // Those who join meanwhile have been shown a state already, and must not be shown an older one.
    for (const stream of [...feed.streams]) {
      stream.send(frame);
      sent += 1;
      if (sent % streamsAtOnce === 0) await othersTurn();
    }
  }

  function begin(saleId: string, shown: SaleView): Feed {
    const feed: Feed = {
      streams: new Set(),
      unwatch: gate.watchSale(saleId, () => {
        feed.changed = true;
      }),
      content: contentOf(saleJson(shown)),
      // What changed between the read that was shown and now is not missed.
      changed: true,
      reading: false,
      readAt: 0,
    };
    feeds.set(saleId, feed);
    return feed;
  }

  return {
    join(saleId, stream, shown) {
      const feed = feeds.get(saleId) ?? begin(saleId, shown);
      // Others may have been shown something newer, or older, than this one.
      if (contentOf(saleJson(shown)) !== feed.content) {
        feed.content = '';
        feed.changed = true;
      }
      feed.streams.add(stream);
      return () => {
        feed.streams.delete(stream);
        if (feed.streams.size > 0) return;
        feed.unwatch();
        feeds.delete(saleId);
      };
    },
    close() {
      clearInterval(clock);
      for (const feed of feeds.values()) feed.unwatch();
      feeds.clear();
    },
  };
}

function contentOf(json: SaleJson): string {
  return JSON.stringify({ ...json, serverTime: '' });
}
