/** Buyers who keep an event stream open, in a process of their own; it notes when each was told of a change. */
import { connect, type Socket } from 'node:net';

export interface StreamPlan {
  port: number;
  ticketIds: string[];
  /** A buyer was told when a frame with this in it arrived. */
  awaited: string;
}

export type StreamMessage = { opened: number } | { told: [ticketId: string, epochMs: number][] };

// The kernel's queue of new connections is short, and opening is not what is measured.
const openedAtOnce = 100;

const sockets: Socket[] = [];
const told = new Map<string, number>();

process.on('message', (message: StreamPlan | 'report') => {
  if (message === 'report') {
    process.send?.({ told: [...told] } satisfies StreamMessage);
  } else {
    void openAll(message);
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });

async function openAll(plan: StreamPlan): Promise<void> {
  for (let from = 0; from < plan.ticketIds.length; from += openedAtOnce) {
    const part = plan.ticketIds.slice(from, from + openedAtOnce);
    await Promise.all(part.map((ticketId) => openStream(plan, ticketId)));
  }
  process.send?.({ opened: sockets.filter((socket) => !socket.destroyed).length } satisfies StreamMessage);
}

/** Resolves with the first frame, or when the connection fails. */
function openStream(plan: StreamPlan, ticketId: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: plan.port, noDelay: true }, () => {
      socket.write(
        `GET /v1/tickets/${ticketId}/events HTTP/1.1\r\nHost: 127.0.0.1:${plan.port}\r\nAccept: text/event-stream\r\n\r\n`,
      );
    });
    sockets.push(socket);
    socket.on('data', (bytes) => {
      if (bytes.indexOf('data:', 0, 'latin1') >= 0) resolve();
      if (!told.has(ticketId) && bytes.indexOf(plan.awaited, 0, 'latin1') >= 0) {
        told.set(ticketId, performance.timeOrigin + performance.now());
      }
    });
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
}
