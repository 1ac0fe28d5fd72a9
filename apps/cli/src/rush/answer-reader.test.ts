import { describe, expect, it } from 'vitest';
import { createAnswerReader, headerOf } from './answer-reader.ts';

const COUNTED = 'HTTP/1.1 202 Accepted\r\nContent-Length: 13\r\nLocation: /v1/tickets/t1\r\n\r\n{"id":"t-é"}';
const CHUNKED =
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nwiki\r\n6;x=1\r\npedia!\r\n0\r\nT: 1\r\n\r\n';
const UNCHANGED = 'HTTP/1.1 304 Not Modified\r\nETag: "3"\r\n\r\n';
const LAST = 'HTTP/1.1 503 Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}';

describe('the crowd', () => {
  it('reads the same answers however the network cuts them', () => {
    const bytes = Buffer.from(COUNTED + CHUNKED + UNCHANGED + LAST);
    const whole = readIn(bytes, bytes.length);
    expect(whole).toEqual([
      { status: 202, body: '{"id":"t-é"}', reusable: true },
      { status: 200, body: 'wikipedia!', reusable: true },
      { status: 304, body: '', reusable: true },
      { status: 503, body: '{}', reusable: false },
    ]);
    for (let size = 1; size < 90; size += 1) expect(readIn(bytes, size)).toEqual(whole);
  });

  it('takes an answer without a length to end with the connection, and only that one', () => {
    const seen: string[] = [];
    const reader = createAnswerReader({
      head: () => {},
      body: (piece) => seen.push(piece.toString()),
      end: () => seen.push('end'),
    });
    expect(reader.close()).toBe(false);
    reader.feed(Buffer.from('HTTP/1.1 200 OK\r\n\r\nall of it'));
    expect(reader.close()).toBe(true);
    expect(seen).toEqual(['all of it', 'end']);
  });

  it('refuses bytes that are no answer', () => {
    const reader = () => createAnswerReader({ head: () => {}, body: () => {}, end: () => {} });
    expect(() => reader().feed(Buffer.from('SSH-2.0-OpenSSH\r\n\r\n'))).toThrow('not an HTTP/1.1 answer');
    expect(() => reader().feed(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'))).toThrow(
      'no number',
    );
    expect(() => reader().feed(Buffer.alloc(70_000, 'a'))).toThrow('no end of head');
  });

  it('finds a header in whatever case it is written, and no header inside another', () => {
    const head = 'HTTP/1.1 200 OK\r\nX-Retry-After: 9\r\nRetry-AFTER:  2 \r\nETag: "v"';
    expect(headerOf(head, 'retry-after')).toBe('2');
    expect(headerOf(head, 'etag')).toBe('"v"');
    expect(headerOf(head, 'location')).toBeUndefined();
  });
});

function readIn(bytes: Buffer, size: number) {
  const answers: { status: number; body: string; reusable: boolean }[] = [];
  let status = 0;
  let pieces: Buffer[] = [];
  const reader = createAnswerReader({
    head: (code) => {
      status = code;
      pieces = [];
    },
    body: (piece) => pieces.push(Buffer.from(piece)),
    end: (reusable) => answers.push({ status, body: Buffer.concat(pieces).toString(), reusable }),
  });
  for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size));
  return answers;
}
