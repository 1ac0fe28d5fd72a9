import type { Redis } from 'ioredis';
import { keysOf } from './keys.ts';

/**
 * What settlement publishes, per sale: how far the journal is applied, whether ceilings or terms moved ('1') or the gate
 * is another ('2'), which tickets changed. A message is only a hint to read again: none is needed for truth, and after a
 * break all watchers are woken.
 */
export interface News {
  watchTicket(shard: string, saleId: string, ticketId: string, changed: () => void): () => void;
  watchSale(shard: string, saleId: string, changed: () => void): () => void;
  /** Begins to listen to a sale. */
  follow(shard: string, saleId: string, followed: Followed): void;
  /** Journal position of the last message of this sale; Infinity while messages may be missed. */
  position(saleId: string): number;
  close(): void;
}

export interface Followed {
  /** What a newcomer may have has changed, or the gate is another; and after every break. */
  moved(): void;
  /** The gate is another: it was rebuilt, or may be since messages were missed. */
  replaced(): void;
  /** For every ticket that changed. */
  changed(ticketId: string): void;
}

interface Channel {
  name: string;
  position: number;
  followed: Followed | null;
  sale: Set<() => void>;
  tickets: Map<string, Set<() => void>>;
}

export function createNews(subscriber: Redis): News {
  const channels = new Map<string, Channel>();
  const byName = new Map<string, Channel>();

  subscriber.on('message', (name: string, message: string) => {
    const channel = byName.get(name);
    if (channel === undefined) return;
    const [position, moved, ...tickets] = message.split(' ');
    channel.position = Number(position);
    if (moved === '1' || moved === '2') channel.followed?.moved();
    if (moved === '2') channel.followed?.replaced();
    for (const ticketId of tickets) {
      channel.followed?.changed(ticketId);
      wake(channel.tickets.get(ticketId));
    }
    wake(channel.sale);
  });
  subscriber.on('close', () => {
    for (const channel of channels.values()) channel.position = Number.POSITIVE_INFINITY;
  });
  subscriber.on('ready', () => {
    for (const channel of channels.values()) listen(channel);
  });

  function channelOf(shard: string, saleId: string): Channel {
    const known = channels.get(saleId);
    if (known !== undefined) return known;
    const channel: Channel = {
      name: keysOf(shard, saleId).news,
      position: Number.POSITIVE_INFINITY,
      followed: null,
      sale: new Set(),
      tickets: new Map(),
    };
    channels.set(saleId, channel);
    byName.set(channel.name, channel);
    if (subscriber.status === 'ready') listen(channel);
    return channel;
  }

  function listen(channel: Channel): void {
    subscriber.subscribe(channel.name).then(
      () => {
        // Whatever was published before is missed: everyone looks again, and from here on the position is known.
        channel.position = 0;
        channel.followed?.moved();
        channel.followed?.replaced();
        for (const watchers of channel.tickets.values()) wake(watchers);
        wake(channel.sale);
      },
      () => {
        // The next 'ready' tries again.
      },
    );
  }

  /** Anyone may ask for any sale; only those that exist are followed and keep their channel. */
  function dropUnused(saleId: string): void {
    const channel = channels.get(saleId);
    if (
      channel === undefined ||
      channel.followed !== null ||
      channel.sale.size > 0 ||
      channel.tickets.size > 0
    )
      return;
    channels.delete(saleId);
    byName.delete(channel.name);
    if (subscriber.status === 'ready') void subscriber.unsubscribe(channel.name).catch(() => undefined);
  }

  return {
    watchTicket(shard, saleId, ticketId, changed) {
      const { tickets } = channelOf(shard, saleId);
      const watchers = tickets.get(ticketId) ?? new Set();
      tickets.set(ticketId, watchers);
      watchers.add(changed);
      return () => {
        watchers.delete(changed);
        if (watchers.size === 0) tickets.delete(ticketId);
        dropUnused(saleId);
      };
    },
    watchSale(shard, saleId, changed) {
      const { sale } = channelOf(shard, saleId);
      sale.add(changed);
      return () => {
        sale.delete(changed);
        dropUnused(saleId);
      };
    },
    follow(shard, saleId, followed) {
      channelOf(shard, saleId).followed = followed;
    },
    position: (saleId) => channels.get(saleId)?.position ?? Number.POSITIVE_INFINITY,
    close: () => subscriber.disconnect(),
  };
}

function wake(watchers: Set<() => void> | undefined): void {
  if (watchers === undefined) return;
  for (const changed of [...watchers]) changed();
}
