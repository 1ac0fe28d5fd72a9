/** Reads a body of server-sent events, frame by frame; ends with the body. Comments come as frames without data. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMaxMs: number,
): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), silenceMaxMs);
      if (done) return;
      rest = (rest + decoder.decode(value, { stream: true })).replaceAll('\r\n', '\n');
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) yield eventOf(block);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

interface ServerEvent {
  event: string;
  id: string;
  data: string;
}

function eventOf(block: string): ServerEvent {
  const event: ServerEvent = { event: 'message', id: '', data: '' };
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'event' || field === 'id') event[field] = value;
  }
  return { ...event, data: data.join('\n') };
}

/** A half-open connection says nothing for ever; the server comments every 15 s, so silence means it is gone. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('silent stream')), ms);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}
