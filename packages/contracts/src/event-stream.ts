/** The names of server-sent events. */
export const eventNames = { ticket: 'ticket', sale: 'sale' } as const;

/** Seconds between two comments of a stream, so that proxies keep it open and a dead peer is noticed. */
export const heartbeatSeconds = 15;

export const heartbeatFrame = ':\n\n';

/** One frame. `json` has no line breaks, as JSON.stringify makes it. */
export function eventFrame(event: string, id: string | number, json: string): string {
  return `event: ${event}\nid: ${id}\ndata: ${json}\n\n`;
}

/** The last frame of a stream that ends without an end of its story: when to open the next one. */
export function comeBackFrame(afterMs: number): string {
  return `retry: ${afterMs}\n\n`;
}
