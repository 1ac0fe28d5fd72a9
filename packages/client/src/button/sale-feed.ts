import { pause } from '../ask.ts';
import type { BuyerCalls } from '../buyer-calls.ts';
import type { Sale } from '../sale.ts';

export interface SaleListener {
  sale(sale: Sale): void;
  unknown(): void;
}

interface Feed {
  listeners: Set<SaleListener>;
  last: Sale | null;
  stop(): void;
}

/** Buttons of one sale on one page share one stream: a browser has six connections per host. */
const feeds = new Map<string, Feed>();
const comeBackMs = 2_000;

/** Follows a sale until the returned function is called; who comes later is told the last value as soon as it has begun. */
export function followSale(
  client: BuyerCalls,
  edge: string,
  saleId: string,
  listener: SaleListener,
): () => void {
  const key = `${edge} ${saleId}`;
  const feed = feeds.get(key) ?? begin(client, saleId);
  feeds.set(key, feed);
  feed.listeners.add(listener);
  queueMicrotask(() => {
    if (feed.last !== null && feed.listeners.has(listener)) listener.sale(feed.last);
  });
  return () => {
    feed.listeners.delete(listener);
    if (feed.listeners.size > 0 || feeds.get(key) !== feed) return;
    feed.stop();
    feeds.delete(key);
  };
}

function begin(client: BuyerCalls, saleId: string): Feed {
  const stopped = new AbortController();
  const feed: Feed = { listeners: new Set(), last: null, stop: () => stopped.abort() };
  void run(client, saleId, feed, stopped.signal);
  return feed;
}

/** Goes on for ever: a page that was open through an outage shows the truth again by itself. */
async function run(client: BuyerCalls, saleId: string, feed: Feed, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const seen of client.watchSale(saleId, { signal })) {
        if ('kind' in seen) for (const listener of feed.listeners) listener.unknown();
        else {
          feed.last = seen;
          for (const listener of feed.listeners) listener.sale(seen);
        }
      }
      await pause(comeBackMs, signal);
    } catch {
      await pause(comeBackMs, signal).catch(() => {});
    }
  }
}
