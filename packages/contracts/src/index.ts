/**
 * What crosses the wire: the shapes of bodies, the problems and their status codes, the names of events. Formats only;
 * nothing here knows where a ticket or a sale comes from.
 */
export * from './commands.ts';
export * from './console/index.ts';
export * from './event-stream.ts';
export * from './inside.ts';
export * from './issues.ts';
export * from './openapi.ts';
export * from './payment.ts';
export * from './problem.ts';
export * from './request-headers.ts';
export * from './reservation.ts';
export * from './sale.ts';
export * from './secure-headers.ts';
export * from './text.ts';
export * from './ticket.ts';
export * from './webhook-message.ts';
