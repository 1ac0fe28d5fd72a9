/** Reads server-sent events from text in any pieces; comments and retry hints are skipped. */
export interface Frame {
  event: string;
  id: string;
  data: string;
}

export function createFrameReader(onFrame: (frame: Frame) => void) {
  let rest = '';
  return {
    feed(text: string): void {
      rest += text;
      if (rest.includes('\r')) rest = rest.replaceAll('\r\n', '\n');
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const frame = frameOf(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (frame !== undefined) onFrame(frame);
      }
    },
  };
}

function frameOf(block: string): Frame | undefined {
  const frame: Frame = { event: 'message', id: '', data: '' };
  let data: string | undefined;
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
    else if (field === 'event') frame.event = value;
    else if (field === 'id') frame.id = value;
  }
  return data === undefined ? undefined : { ...frame, data };
}
