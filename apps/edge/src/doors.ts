import type { Socket } from 'node:net';
import { type Answer, refusalProblem } from '@holdfast/contracts';
import { refuse } from '@holdfast/core';
import { type EdgeContext, headerOf } from './call.ts';
import { clientAddress, isTrustedProxy, type Range } from './client-address.ts';

/** So many at a time; 0 is no limit. */
export interface DoorLimits {
  connectionsPerAddress: number;
  streamsPerAddress: number;
  streamsPerBuyer: number;
}

export interface DoorCounts {
  /** Connections that were not taken, of an address that had too many or because all were too many. */
  connections: number;
  /** Streams that were refused. */
  streams: number;
}

/** How much one may hold open at a time. Each edge counts for itself: what is held open is held at one edge. */
export interface Doors {
  /** For the server's `connection`: closes it unanswered when its address has too many. Trusted proxies have many buyers. */
  connected(socket: Socket): void;
  /** For the server's `drop`: there were too many altogether. */
  dropped(): void;
  /** Keeps a place for a stream; null when this address or buyer has as many as one may have. */
  streamPlace(c: EdgeContext, buyerId: string | null): StreamPlace | null;
  counts: DoorCounts;
}

export interface StreamPlace {
  leave(): void;
}

/** Seconds after which a place may be free again. */
const retryAfterSeconds = 5;

export function tooManyStreams(requestId: string): Answer {
  return refusalProblem(refuse('rate_limited', { retryAfterSeconds }), requestId);
}

/** Nobody is held to anything. */
export const noDoorLimits: DoorLimits = {
  connectionsPerAddress: 0,
  streamsPerAddress: 0,
  streamsPerBuyer: 0,
};

export function createDoors(limits: DoorLimits, trustedProxies: readonly Range[]): Doors {
  const connections = createPlaces(limits.connectionsPerAddress);
  const byAddress = createPlaces(limits.streamsPerAddress);
  const byBuyer = createPlaces(limits.streamsPerBuyer);
  const counts: DoorCounts = { connections: 0, streams: 0 };

  return {
    counts,
    connected(socket) {
      if (limits.connectionsPerAddress === 0) return;
      if (isTrustedProxy(socket.remoteAddress, trustedProxies)) return;
      const address = clientAddress(socket.remoteAddress, undefined, trustedProxies);
      if (!connections.take(address)) {
        counts.connections += 1;
        socket.destroy();
        return;
      }
      socket.once('close', () => connections.leave(address));
    },
    dropped() {
      counts.connections += 1;
    },
    streamPlace(c, buyerId) {
      const peer = c.env?.incoming?.socket.remoteAddress;
      const address = clientAddress(peer, headerOf(c, 'x-forwarded-for'), trustedProxies);
      if (!byAddress.take(address)) {
        counts.streams += 1;
        return null;
      }
      if (buyerId !== null && !byBuyer.take(buyerId)) {
        byAddress.leave(address);
        counts.streams += 1;
        return null;
      }
      let left = false;
      return {
        leave() {
          if (left) return;
          left = true;
          byAddress.leave(address);
          if (buyerId !== null) byBuyer.leave(buyerId);
        },
      };
    },
  };
}

interface Places {
  take(name: string): boolean;
  leave(name: string): void;
}

/** Without a limit nothing is counted. */
function createPlaces(most: number): Places {
  const taken = new Map<string, number>();
  return {
    take(name) {
      if (most === 0) return true;
      const count = taken.get(name) ?? 0;
      if (count >= most) return false;
      taken.set(name, count + 1);
      return true;
    },
    leave(name) {
      if (most === 0) return;
      const count = (taken.get(name) ?? 1) - 1;
      if (count <= 0) taken.delete(name);
      else taken.set(name, count);
    },
  };
}
