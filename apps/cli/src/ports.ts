import { freePort, isPortFree } from '@holdfast/runtime/local-stores';

export interface PortWishes {
  /** Of the first edge; the others get the next free ones. */
  readonly edge: number;
  readonly console: number;
}

export interface Ports {
  readonly edges: readonly number[];
  readonly console: number;
}

/** How far from the wished port to look before any free one is good enough. */
const neighbours = 20;

/** Free ports, as near to the wished ones as can be; 0 wishes for any. */
export async function choosePorts(wishes: PortWishes, edges: number, host: string): Promise<Ports> {
  const taken = new Set<number>();
  const consolePort = await nearest(wishes.console, host, taken);
  taken.add(consolePort);
  const edgePorts: number[] = [];
  for (let count = 0; count < edges; count += 1) {
    const wish = wishes.edge === 0 ? 0 : Math.max(wishes.edge, ...edgePorts.map((port) => port + 1));
    const port = await nearest(wish, host, taken);
    taken.add(port);
    edgePorts.push(port);
  }
  return { edges: edgePorts, console: consolePort };
}

async function nearest(wished: number, host: string, taken: ReadonlySet<number>): Promise<number> {
  for (let port = wished; wished !== 0 && port < wished + neighbours && port <= 65_535; port += 1) {
    if (!taken.has(port) && (await isPortFree(port, host))) return port;
  }
  for (;;) {
    const port = await freePort(0, host);
    if (!taken.has(port)) return port;
  }
}
