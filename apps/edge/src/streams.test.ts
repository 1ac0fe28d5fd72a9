import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStreams, type Streams } from './streams.ts';

const frame = (number: number) => `data: ${String(number).padEnd(64 * 1024, '.')}\n\n`;
const frames = 200;

describe('an event stream', () => {
  const counts = { ticket: 0, sale: 0 };
  let server: Server;
  let streams: Streams;
  let left: string[];

  beforeEach(async () => {
    left = [];
    streams = createStreams(counts);
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    streams.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function arrive(): Promise<{ reader: Socket; outgoing: ServerResponse }> {
    const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
    reader.on('error', () => undefined);
    reader.write('GET / HTTP/1.1\r\nHost: edge\r\n\r\n');
    const [, outgoing] = (await once(server, 'request')) as [unknown, ServerResponse];
    return { reader, outgoing };
  }

  function open(outgoing: ServerResponse) {
    const place = { leave: () => void left.push('place') };
    return streams.open('sale', outgoing, {}, place, () => void left.push('ended'));
  }

  it('keeps one state for a reader who is behind, not a queue, and the last one is what that reader gets', async () => {
    const { reader, outgoing } = await arrive();
    reader.pause();
    const stream = open(outgoing);
    let most = 0;
    for (let number = 1; number <= frames; number++) {
      stream.send(frame(number));
      most = Math.max(most, outgoing.writableLength);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
    expect(most).toBeLessThan(3 * frame(1).length);

    let text = '';
    reader.on('data', (piece) => {
      text += piece.toString();
    });
    reader.resume();
    await once(reader, 'end');
    const got = [...text.matchAll(/data: (\d+)/g)].map(([, number]) => Number(number));
    expect(got.length).toBeLessThan(frames);
    expect(got.at(-1)).toBe(frames);
    expect(got).toEqual([...got].sort((a, b) => a - b));
  });

  it('leaves nothing behind when its reader has gone, before it was opened or after', async () => {
    const early = await arrive();
    early.reader.destroy();
    await once(early.outgoing, 'close');
    open(early.outgoing).send(frame(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect([left, counts]).toEqual([['place', 'ended'], { ticket: 0, sale: 0 }]);

    const late = await arrive();
    open(late.outgoing);
    expect(counts.sale).toBe(1);
    late.reader.destroy();
    await once(late.outgoing, 'close');
    expect([left, counts]).toEqual([['place', 'ended', 'place', 'ended'], { ticket: 0, sale: 0 }]);
  });

  it('that is ended with all others says when to come back, and not all at the same time', async () => {
    const readers = [await arrive(), await arrive(), await arrive(), await arrive()];
    for (const { outgoing } of readers) open(outgoing).send('data: 1\n\n');
    const ends = readers.map(async ({ reader }) => {
      let text = '';
      reader.on('data', (piece) => {
        text += piece.toString();
      });
      await once(reader, 'end');
      return /retry: (\d+)\n\n/.exec(text)?.[1];
    });
    streams.close();
    server.close();
    const waits = await Promise.all(ends.map((end) => end));
    for (const wait of waits) expect(Number(wait)).toBeGreaterThanOrEqual(500);
    expect(new Set(waits).size).toBeGreaterThan(1);
  });
});
