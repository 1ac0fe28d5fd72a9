import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A TCP line between a room and a store that can lose a reply, be cut, and heal. */
export interface FaultyLine {
  port: number;
  /**
   * The next message towards the store that holds `text` arrives there; what the store answers is lost and the
   * connection breaks. Resolves when that has happened.
   */
  loseReplyTo(text: string): Promise<void>;
  /** Breaks every connection and takes no new one until `heal`. */
  cut(): void;
  heal(): void;
  /** From now on it leads to another store; who is connected has to connect again. */
  leadTo(storePort: number): void;
  close(): Promise<void>;
}

export async function openFaultyLine(firstPort: number): Promise<FaultyLine> {
  let storePort = firstPort;
  let lose: { text: string; lost: () => void } | null = null;
  let isCut = false;
  const open = new Set<Socket>();

  const server: Server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const store = createConnection(storePort, '127.0.0.1');
    let deaf = false;
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
      if (!deaf) client.write(chunk);
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
    cut() {
      isCut = true;
      breakAll();
    },
    leadTo(port) {
      storePort = port;
      breakAll();
    },
    heal() {
      isCut = false;
    },
    async close() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
