/** SIGINT, SIGTERM, or the end of the process that started us with a channel: the first is the stop, further ones are the same. */
export function listenForStop(): { signal: AbortSignal; asked: Promise<void> } {
  const stopping = new AbortController();
  const asked = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve());
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  process.on('disconnect', () => stopping.abort());
  return { signal: stopping.signal, asked };
}
