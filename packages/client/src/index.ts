/** The SDK: what a page or a program needs to buy, over HTTP alone. */
export { HoldfastUnreachable } from './ask.ts';
export { HoldfastUnsolvable } from './challenge.ts';
export type { ClientSettings, CommandSettings, ReserveRequest } from './buyer-calls.ts';
export * from './client.ts';
export * from './sale.ts';
export * from './ticket.ts';
export type { WatchSettings } from './watch-ticket.ts';
