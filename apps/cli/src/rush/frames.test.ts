import { expect, it } from 'vitest';
import { createFrameReader, type Frame } from './frames.ts';

it('a buyer on an event stream sees every change, however the network cuts it, and no comment', () => {
  const text =
    ': hello\n\nevent: ticket\nid: 1\ndata: {"a":\ndata: 1}\n\nretry: 5\n\nevent: ticket\r\nid: 2\r\ndata:{}\r\n\r\n';
  for (let size = 1; size <= text.length; size += 1) {
    const frames: Frame[] = [];
    const reader = createFrameReader((frame) => frames.push(frame));
    for (let at = 0; at < text.length; at += size) reader.feed(text.slice(at, at + size));
    expect(frames).toEqual([
      { event: 'ticket', id: '1', data: '{"a":\n1}' },
      { event: 'ticket', id: '2', data: '{}' },
    ]);
  }
});
