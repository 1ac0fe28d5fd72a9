import { createServer } from 'node:net';

/** A TCP port nobody listens on right now: the wished one when it is free, else any. */
export async function freePort(wished = 0, host = '127.0.0.1'): Promise<number> {
  if (wished !== 0 && (await isPortFree(wished, host))) return wished;
  return (await tryPort(0, host)) as number;
}

export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return (await tryPort(port, host)) !== null;
}

function tryPort(port: number, host: string): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen({ port, host, exclusive: true }, () => {
      const address = probe.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      probe.close(() => resolve(bound));
    });
  });
}
