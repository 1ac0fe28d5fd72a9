import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A TCP line between a room and a store that can lose a reply, be cut, and heal. */
export interface FaultyLine {
  port: number;
  /**
   * The next message towards the store that holds `text` arrives there; what the store answers is lost and the
   * connection breaks. Resolves when that has happened.
   */
  loseReplyTo(text: string): Promise<void>;
  /** From now on every message from the store comes so much later, milliseconds; 0 is none. */
  slow(ms: number): void;
  /** The next message towards the store that holds `text` never arrives there, nor does what follows it on that connection. */
  loseMessage(text: string): Promise<void>;
  /** Breaks every connection and takes no new one until `heal`. */
  cut(): void;
  heal(): void;
  /** Breaks every connection; new ones lead to another store. */
  leadTo(storePort: number): void;
  close(): Promise<void>;
}

export async function openFaultyLine(firstPort: number): Promise<FaultyLine> {
  let lose: { text: string; lost: () => void } | null = null;
  let loseWhole: { text: string; lost: () => void } | null = null;
  let isCut = false;
  let slowMs = 0;
  let storePort = firstPort;
  const open = new Set<Socket>();

  const server: Server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const store = createConnection(storePort, '127.0.0.1');
    let deaf = false;
    let arrivesAt = 0;
    let mute = false;
    for (const socket of [client, store]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        store.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (loseWhole !== null && chunk.includes(loseWhole.text)) {
        mute = true;
        loseWhole.lost();
        loseWhole = null;
      }
      if (mute) return;
      if (lose !== null && chunk.includes(lose.text)) {
        const { lost } = lose;
        lose = null;
        deaf = true;
        store.once('data', () => {
          client.destroy();
          lost();
        });
      }
      store.write(chunk);
    });
    store.on('data', (chunk) => {
      if (deaf) return;
      // Nothing overtakes what is still on its way.
      arrivesAt = Math.max(performance.now() + slowMs, arrivesAt);
      const later = arrivesAt - performance.now();
      if (later <= 0) client.write(chunk);
      else setTimeout(() => client.write(chunk), Math.ceil(later));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The line has no port');
  const breakAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    loseReplyTo: (text) =>
      new Promise((lost) => {
        lose = { text, lost };
      }),
    slow(ms) {
      slowMs = ms;
    },
    loseMessage: (text) =>
      new Promise((lost) => {
        loseWhole = { text, lost };
      }),
    cut() {
      isCut = true;
      breakAll();
    },
    heal() {
      isCut = false;
    },
    leadTo(port) {
      storePort = port;
      breakAll();
    },
    async close() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
