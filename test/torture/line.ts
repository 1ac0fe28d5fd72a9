/**
 * A TCP line between a process and its store, which can be cut, frozen, slowed, made deaf, healed, and led to another
 * store.
 */
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Line {
  readonly port: number;
  /** Bytes that its process has sent so far. */
  readonly sent: number;
  /** Resolves when its process sends the next piece. */
  nextPiece(): Promise<void>;
  /** Breaks every connection and refuses new ones until `heal`. */
  cut(): void;
  /** Nothing comes through, and nobody is told: a network that swallows. */
  swallow(): void;
  /** Every piece arrives this much later, in both directions. */
  slow(delayMs: number): void;
  /** The store does what it is asked next, its answer is lost, and the connection breaks. */
  loseNextReply(): void;
  heal(): void;
  /** New connections go to this port; those that are open break. */
  lead(toPort: number): void;
  close(): Promise<void>;
}

export async function openLine(storePort: number): Promise<Line> {
  let target = storePort;
  let isCut = false;
  let swallows = false;
  let delayMs = 0;
  let losesReply = false;
  let sent = 0;
  const waiters: (() => void)[] = [];
  const open = new Set<Socket>();
  const held = new Set<Socket>();

  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const store = createConnection(target, '127.0.0.1');
    let deaf = false;
    for (const socket of [client, store]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        held.delete(socket);
        client.destroy();
        store.destroy();
      });
    }
    carry(client, store, (piece) => {
      sent += piece.length;
      for (const tell of waiters.splice(0)) tell();
      if (losesReply && piece.length > 0 && !deaf) {
        losesReply = false;
        deaf = true;
        store.once('data', () => client.destroy());
      }
      return true;
    });
    carry(store, client, () => !deaf);
  });

  function carry(from: Socket, to: Socket, passes: (piece: Buffer) => boolean): void {
    let last: Promise<unknown> = Promise.resolve();
    let waiting = 0;
    if (swallows) hold(from);
    from.on('data', (piece) => {
      const bytes = piece as Buffer;
      if (!passes(bytes)) return;
      if (delayMs === 0 && waiting === 0) {
        to.write(bytes);
        return;
      }
      // In order also when the line heals in between.
      waiting += 1;
      const wait = sleep(delayMs);
      last = last
        .then(() => wait)
        .then(() => {
          waiting -= 1;
          if (!to.destroyed) to.write(bytes);
        });
    });
  }

  function hold(socket: Socket): void {
    held.add(socket);
    socket.pause();
  }

  const breakAll = () => {
    for (const socket of open) socket.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The line has no port');
  return {
    port: address.port,
    get sent() {
      return sent;
    },
    nextPiece: () => new Promise((resolve) => void waiters.push(resolve)),
    cut() {
      isCut = true;
      breakAll();
    },
    swallow() {
      swallows = true;
      for (const socket of open) hold(socket);
    },
    slow(byMs) {
      delayMs = byMs;
    },
    loseNextReply() {
      losesReply = true;
    },
    heal() {
      isCut = false;
      swallows = false;
      delayMs = 0;
      losesReply = false;
      for (const socket of held) socket.resume();
      held.clear();
    },
    lead(toPort) {
      target = toPort;
      breakAll();
    },
    async close() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
