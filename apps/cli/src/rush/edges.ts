import { type Address, type Answer, openWire, SILENCE_MAX_MS, type Wire } from './wire.ts';

/**
 * The connections of the crowd: per edge a stack of idle keep-alive ones, so the most recently used is taken
 * first and stays warm. At most `connectionsMax` are open; whoever comes then waits for one.
 */
export function createEdges(addresses: readonly Address[], connectionsMax: number) {
  const idle: Wire[][] = addresses.map(() => []);
  const queue: (() => void)[] = [];
  let open = 0;

  return {
    count: addresses.length,

    /**
     * Opens connections ahead, with a request each, as people do who wait with the page open: a busy Node server
     * accepts one connection per turn of its event loop (measured: a new one waited 5 s while those that were there
     * had their answers in 20 ms), which would be all that one measures. A few at a time, for the listening socket's
     * backlog. An edge that is away is left to the buyers' patience; throws when all are.
     */
    async warm(connections: number, requestFor: (edge: number) => string): Promise<void> {
      let left = Math.min(connections, connectionsMax - open);
      let fault: unknown;
      const openSome = async () => {
        while (left > 0) {
          const edge = left % addresses.length;
          left -= 1;
          try {
            const wire = await openOne(edge);
            try {
              await wire.ask(requestFor(edge));
            } finally {
              giveBack(edge, wire);
            }
          } catch (cause) {
            fault = cause;
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(WARMERS, left) }, openSome));
      if (open === 0) throw new Error('no edge takes a connection', { cause: fault });
    },

    /** One request, one answer, from the edge of that number. Rejects on network faults. */
    async ask(edge: number, request: string): Promise<Answer> {
      const wire = await take(edge);
      try {
        return await wire.ask(request);
      } finally {
        giveBack(edge, wire);
      }
    },

    /** A connection for an event stream alone; closing it gives its room to the next. */
    async dedicate(edge: number): Promise<Wire> {
      const wire = await take(edge);
      let closed = false;
      return {
        ...wire,
        close() {
          if (closed) return;
          closed = true;
          wire.close();
          leave();
        },
      };
    },

    close(): void {
      for (const wires of idle) for (const wire of wires.splice(0)) wire.close();
    },
  };

  async function take(edge: number): Promise<Wire> {
    const wires = idle[edge] ?? [];
    for (;;) {
      for (let wire = wires.pop(); wire !== undefined; wire = wires.pop()) {
        if (wire.usable()) return wire;
        leave();
      }
      if (open < connectionsMax || evicted()) return openOne(edge);
      await turn();
    }
  }

  async function openOne(edge: number): Promise<Wire> {
    while (open >= connectionsMax && !evicted()) await turn();
    open += 1;
    try {
      return await openWire(addressOf(edge));
    } catch (fault) {
      leave();
      throw fault;
    }
  }

  /** Waits until a connection may have become free; rejects when nobody gives one back for that long. */
  function turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = () => {
        clearTimeout(tooLong);
        resolve();
      };
      const tooLong = setTimeout(() => {
        const at = queue.indexOf(waiter);
        if (at >= 0) queue.splice(at, 1);
        reject(new Error(`no connection became free in ${SILENCE_MAX_MS} ms`));
      }, SILENCE_MAX_MS);
      queue.push(waiter);
    });
  }

  /** Closes an idle connection of whichever edge has one, so that a quiet edge cannot starve a busy one. */
  function evicted(): boolean {
    const wire = idle.find((wires) => wires.length > 0)?.shift();
    if (wire === undefined) return false;
    wire.close();
    open -= 1;
    return true;
  }

  function giveBack(edge: number, wire: Wire): void {
    if (!wire.usable()) return leave();
    idle[edge]?.push(wire);
    queue.shift()?.();
  }

  function leave(): void {
    open -= 1;
    queue.shift()?.();
  }

  function addressOf(edge: number): Address {
    const address = addresses[edge];
    if (address === undefined) throw new Error(`there is no edge number ${edge}`);
    return address;
  }
}

export type Edges = ReturnType<typeof createEdges>;

const WARMERS = 64;
